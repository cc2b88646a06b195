"""A bracket: plate and wall fused, two holes drilled, the inner corner rounded."""

import FreeCAD as App
import Part

doc = App.newDocument("Bracket")
plate = doc.addObject("Part::Box", "Plate")
plate.Length, plate.Width, plate.Height = 80, 40, 6
wall = doc.addObject("Part::Box", "Wall")
wall.Length, wall.Width, wall.Height = 6, 40, 50
body = doc.addObject("Part::Fuse", "Body")
body.Base, body.Tool = plate, wall
holes = []
for i, x in enumerate((30, 60)):
    hole = doc.addObject("Part::Cylinder", f"Hole{i}")
    hole.Radius, hole.Height = 4, 20
    hole.Placement.Base = App.Vector(x, 20, -5)
    holes.append(hole)
tools = doc.addObject("Part::MultiFuse", "Holes")
tools.Shapes = holes
cut = doc.addObject("Part::Cut", "Drilled")
cut.Base, cut.Tool = body, tools
doc.recompute()


def is_inner_corner(edge):
    box = edge.BoundBox
    return all(abs(value - 6) < 1e-6 for value in (box.XMin, box.XMax, box.ZMin, box.ZMax))


fillet = doc.addObject("Part::Fillet", "Bracket")
fillet.Base = cut
fillet.Edges = [(n, 5.0, 5.0) for n, edge in enumerate(cut.Shape.Edges, 1) if is_inner_corner(edge)]
doc.recompute()
