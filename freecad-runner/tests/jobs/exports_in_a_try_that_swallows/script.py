# The export fails in silence; the runner makes the file.
import os

import FreeCAD as App
import Import
import Mesh
import Part

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Own")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
try:
    Mesh.export([box], "/nowhere/MyHeadlessModel.stl")
    Import.export([box], "/nowhere/MyHeadlessModel.step")
except Exception:
    pass
