# The shape's own exporters.
import os

import FreeCAD as App
import Import
import Mesh
import Part

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Own")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
box.Shape.exportStep(os.path.join(out, "MyHeadlessModel.STEP"))
box.Shape.exportStl(os.path.join(out, "MyHeadlessModel.STL"))
