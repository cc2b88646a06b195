# A hundred features in a grid.
import FreeCAD as App

doc = App.newDocument("Grid")
for x in range(10):
    for y in range(10):
        peg = doc.addObject("Part::Cylinder", f"Peg_{x}_{y}")
        peg.Radius, peg.Height = 2, 10
        peg.Placement.Base = App.Vector(6 * x, 6 * y, 0)
doc.recompute()
