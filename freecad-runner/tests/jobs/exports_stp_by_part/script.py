# Part.export under the other common extension.
import os

import FreeCAD as App
import Import
import Mesh
import Part

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Own")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
Part.export([box], os.path.join(out, "MyHeadlessModel.stp"))
