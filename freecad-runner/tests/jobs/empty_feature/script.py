# A feature that never gets a shape, beside a good one.
import FreeCAD as App

doc = App.newDocument("Hollow")
doc.addObject("Part::Box", "Box")
doc.addObject("Part::Feature", "Hollow")
doc.recompute()
