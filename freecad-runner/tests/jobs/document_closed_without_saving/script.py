# The model is gone before anybody sees it.
import FreeCAD as App

doc = App.newDocument("Gone")
doc.addObject("Part::Box", "Box")
doc.recompute()
App.closeDocument("Gone")
