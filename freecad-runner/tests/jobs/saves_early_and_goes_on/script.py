# The document is saved under the agreed name before the model is finished.
import os

import FreeCAD as App

doc = App.newDocument("Early")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
doc.saveAs(os.path.join(os.environ["FREECAD_OUTPUT"], "MyHeadlessModel.FCStd"))
tool = doc.addObject("Part::Cylinder", "Tool")
tool.Placement.Base = App.Vector(5, 5, 0)
cut = doc.addObject("Part::Cut", "Cut")
cut.Base, cut.Tool = box, tool
doc.recompute()
