# A ring.
import FreeCAD as App

doc = App.newDocument("Ring")
ring = doc.addObject("Part::Torus", "Ring")
ring.Radius1, ring.Radius2 = 20, 5
doc.recompute()
