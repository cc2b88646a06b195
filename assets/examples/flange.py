# Pipe flange
# A welding-neck flange: raised face, ring of bolt holes, a tapered hub and a bevel for the weld.

import FreeCAD as App
import Part

OUTER_DIAMETER = 165.0  # mm
BORE_DIAMETER = 54.0  # mm
THICKNESS = 18.0  # mm, of the plate, with the raised face
FACE_DIAMETER = 102.0  # mm, of the raised face
FACE_HEIGHT = 2.0  # mm
HUB_DIAMETER = 78.0  # mm, where the hub meets the plate
NECK_DIAMETER = 62.0  # mm, where the pipe is welded on
NECK_LENGTH = 10.0  # mm, of the neck's straight end
TOTAL_HEIGHT = 48.0  # mm
WELD_LAND = 1.6  # mm, what the weld's bevel of 45 degrees leaves of the neck's end
HUB_FILLET = 6.0  # mm, radius between hub and plate
EDGE_CHAMFER = 1.5  # mm, on the plate's upper edge
BOLT_CIRCLE = 125.0  # mm, diameter of the ring of holes
BOLT_COUNT = 8  # count
BOLT_HOLE = 18.0  # mm

# Half of the section, from the bore outwards: radius and height.
outer, bore, neck = OUTER_DIAMETER / 2, BORE_DIAMETER / 2, NECK_DIAMETER / 2
bevel = neck - bore - WELD_LAND
section = [
    (bore, 0),
    (FACE_DIAMETER / 2, 0),
    (FACE_DIAMETER / 2, FACE_HEIGHT),
    (outer, FACE_HEIGHT),
    (outer, THICKNESS - EDGE_CHAMFER),
    (outer - EDGE_CHAMFER, THICKNESS),
    (HUB_DIAMETER / 2, THICKNESS),
    (neck, TOTAL_HEIGHT - NECK_LENGTH),
    (neck, TOTAL_HEIGHT - bevel),
    (neck - bevel, TOTAL_HEIGHT),
    (bore, TOTAL_HEIGHT),
]
points = [App.Vector(radius, 0, height) for radius, height in section]
profile = Part.Face(Part.makePolygon(points + points[:1]))
axis = App.Vector(0, 0, 1)
shape = profile.revolve(App.Vector(0, 0, 0), axis, 360)


def is_hub_foot(edge):
    """Whether it is the circle in which hub and plate meet."""
    box = edge.BoundBox
    at_plate = abs(box.ZMin - THICKNESS) < 1e-6 and abs(box.ZMax - THICKNESS) < 1e-6
    return at_plate and abs(box.XMax - HUB_DIAMETER / 2) < 1e-3


shape = shape.makeFillet(HUB_FILLET, [edge for edge in shape.Edges if is_hub_foot(edge)])

# The bolt holes; the first lies half a step beside the X axis, as pipe fitters want it.
holes = []
for number in range(BOLT_COUNT):
    angle = 360 * (number + 0.5) / BOLT_COUNT
    place = App.Rotation(axis, angle).multVec(App.Vector(BOLT_CIRCLE / 2, 0, -1))
    holes.append(Part.makeCylinder(BOLT_HOLE / 2, THICKNESS + 2, place))
shape = shape.cut(holes)

doc = App.newDocument("Model")
obj = doc.addObject("Part::Feature", "Flange")
obj.Label = "Flange"
obj.Shape = shape
obj.ViewObject.ShapeColor = (0.70, 0.72, 0.75)
doc.recompute()
