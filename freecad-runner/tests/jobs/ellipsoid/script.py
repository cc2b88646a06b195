# An ellipsoid with three radii.
import FreeCAD as App

doc = App.newDocument("Egg")
egg = doc.addObject("Part::Ellipsoid", "Egg")
egg.Radius1, egg.Radius2, egg.Radius3 = 4, 6, 8
doc.recompute()
