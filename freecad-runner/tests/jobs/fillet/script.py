# The four upright edges rounded.
import FreeCAD as App

doc = App.newDocument("Fillet")
box = doc.addObject("Part::Box", "Box")
fillet = doc.addObject("Part::Fillet", "Rounded")
fillet.Base = box
doc.recompute()
upright = [n for n, e in enumerate(box.Shape.Edges, 1) if abs(e.tangentAt(e.FirstParameter).z) > 0.9]
fillet.Edges = [(n, 2.0, 2.0) for n in upright]
doc.recompute()
print("edges", len(upright))
