# Writes into its own directory and copies the file with its times.
import os

import FreeCAD as App
import Import
import Mesh
import Part

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Own")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
import shutil

Part.export([box], "local.step")
shutil.copy2("local.step", os.path.join(out, "MyHeadlessModel.step"))
shutil.copytree(os.getcwd(), os.path.join(out, "copy"))
print("copied", sorted(os.listdir(out)))
