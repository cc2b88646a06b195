# The saved document is the model.
import os

import FreeCAD as App
import Import
import Mesh
import Part

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Own")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
doc.saveAs(os.path.join(out, "MyHeadlessModel.FCStd"))
App.closeDocument(doc.Name)
