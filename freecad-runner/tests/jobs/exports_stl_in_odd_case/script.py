# The extension in another case, and the rest left to the runner.
import os

import FreeCAD as App
import Import
import Mesh
import Part

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Own")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
Mesh.export([box], os.path.join(out, "MyHeadlessModel.Stl"))
