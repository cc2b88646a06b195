# PartDesign's own hole feature: a plain bore through a plate.
import FreeCAD as App
import Part
import Sketcher
from FreeCAD import Vector


def rectangle(sketch, length, width):
    """A rectangle with a corner in the origin, held by constraints."""
    corners = [Vector(0, 0), Vector(length + 3, 1), Vector(length, width + 2), Vector(1, width)]
    for start, end in zip(corners, corners[1:] + corners[:1]):
        sketch.addGeometry(Part.LineSegment(start, end))
    for edge in range(4):
        sketch.addConstraint(Sketcher.Constraint("Coincident", edge, 2, (edge + 1) % 4, 1))
    for kind, edge in (("Horizontal", 0), ("Horizontal", 2), ("Vertical", 1), ("Vertical", 3)):
        sketch.addConstraint(Sketcher.Constraint(kind, edge))
    sketch.addConstraint(Sketcher.Constraint("Coincident", 0, 1, -1, 1))
    sketch.addConstraint(Sketcher.Constraint("DistanceX", 0, 1, 0, 2, length))
    sketch.addConstraint(Sketcher.Constraint("DistanceY", 1, 1, 1, 2, width))


def circle(sketch, x, y, radius):
    """A circle, held by constraints."""
    number = sketch.addGeometry(Part.Circle(Vector(x + 1, y - 1), Vector(0, 0, 1), radius + 1))
    sketch.addConstraint(Sketcher.Constraint("DistanceX", -1, 1, number, 3, x))
    sketch.addConstraint(Sketcher.Constraint("DistanceY", -1, 1, number, 3, y))
    sketch.addConstraint(Sketcher.Constraint("Radius", number, radius))


doc = App.newDocument("Demo")
body = doc.addObject("PartDesign::Body", "Body")
plan = body.newObject("Sketcher::SketchObject", "Plan")
rectangle(plan, 30, 30)
pad = body.newObject("PartDesign::Pad", "Pad")
pad.Profile, pad.Length = plan, 10
doc.recompute()
top = body.newObject("Sketcher::SketchObject", "Top")
top.MapMode = "FlatFace"
top.Support = (pad, [f"Face{n}" for n, face in enumerate(pad.Shape.Faces, 1) if face.CenterOfMass.z > 9.9])
circle(top, 15, 15, 2)
doc.recompute()
hole = body.newObject("PartDesign::Hole", "Hole")
hole.Profile, hole.Diameter, hole.DepthType, hole.DrillPoint = top, 6, 1, 0
doc.recompute()
