# Closes the model's document before the export.
import FreeCAD as App

doc = App.newDocument("Gone")
doc.addObject("Part::Box", "Box")
doc.recompute()
App.closeDocument("Gone")
