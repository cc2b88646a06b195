# Dress-up and a mirrored feature in a body.
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
rectangle(plan, 20, 20)
pad = body.newObject("PartDesign::Pad", "Pad")
pad.Profile, pad.Length = plan, 10
mirror = body.newObject("PartDesign::Mirrored", "Mirror")
mirror.Originals, mirror.MirrorPlane = [pad], (plan, ["V_Axis"])
body.Tip = mirror
doc.recompute()
edges = [f"Edge{n}" for n, e in enumerate(mirror.Shape.Edges, 1)
         if len(e.Vertexes) == 2 and abs(e.tangentAt(0).z) > 0.9 and abs(e.CenterOfMass.x) > 19.9]
fillet = body.newObject("PartDesign::Fillet", "Fillet")
fillet.Base, fillet.Radius = (mirror, edges), 4
body.Tip = fillet
doc.recompute()
print("rounded", len(edges))
