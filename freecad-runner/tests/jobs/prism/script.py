# A hexagonal prism.
import FreeCAD as App

doc = App.newDocument("Prism")
prism = doc.addObject("Part::Prism", "Prism")
prism.Polygon, prism.Circumradius, prism.Height = 6, 10, 5
doc.recompute()
