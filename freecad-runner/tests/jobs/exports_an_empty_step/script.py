# An empty export is not used as the model.
import os

import FreeCAD as App
import Import
import Mesh
import Part

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Own")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
Part.export([doc.addObject("App::Part", "Empty")], os.path.join(out, "MyHeadlessModel.step"))
Mesh.export([], os.path.join(out, "MyHeadlessModel.stl"))
