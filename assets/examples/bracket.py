# Angle bracket
# Two plates at a right angle with a rounded bend, a gusset between them, and countersunk holes for screws.

import math

import FreeCAD as App
import Part

WIDTH = 60.0  # mm, along X
DEPTH = 50.0  # mm, of the plate that lies, along Y
HEIGHT = 60.0  # mm, of the plate that stands
THICKNESS = 5.0  # mm, of both plates
BEND_RADIUS = 5.0  # mm, inside of the bend
CORNER_RADIUS = 10.0  # mm, of the four free corners
GUSSET_LENGTH = 28.0  # mm, along each plate
GUSSET_THICKNESS = 6.0  # mm
HOLE_DIAMETER = 6.6  # mm, for M6 screws
HEAD_DIAMETER = 12.6  # mm, of the countersink of 90 degrees
HOLE_MARGIN = 14.0  # mm, from a hole's axis to the free edges

left, right = -WIDTH / 2, WIDTH / 2
front, back = -DEPTH / 2, DEPTH / 2
wall = back - THICKNESS  # The inner face of the plate that stands.
outer_radius = BEND_RADIUS + THICKNESS
beyond = 0.1  # How far tools reach over the faces that they cut, and gusset and plates into each other.


def point(y, z):
    return App.Vector(left, y, z)


def bend(y, z, radius):
    """A quarter circle around (y, z), from below to behind."""
    middle = radius * math.sqrt(0.5)
    return Part.Arc(point(y, z - radius), point(y + middle, z - middle), point(y + radius, z)).toShape()


def screw_hole(position, direction):
    """A hole for a countersunk screw that goes in from `position` along `direction`."""
    radius, head = HOLE_DIAMETER / 2, HEAD_DIAMETER / 2
    start = position - direction * beyond
    sink = Part.makeCone(head + beyond, radius, head + beyond - radius, start, direction)
    return sink.fuse(Part.makeCylinder(radius, THICKNESS + 2 * beyond, start, direction))


# The plates: their outline seen from the side, drawn out along X.
lying = Part.makePolygon([
    point(back - outer_radius, 0), point(front, 0), point(front, THICKNESS), point(wall - BEND_RADIUS, THICKNESS),
])
inside = bend(wall - BEND_RADIUS, THICKNESS + BEND_RADIUS, BEND_RADIUS)
standing = Part.makePolygon([
    point(wall, THICKNESS + BEND_RADIUS), point(wall, HEIGHT), point(back, HEIGHT), point(back, outer_radius),
])
outside = bend(back - outer_radius, outer_radius, outer_radius)
outline = Part.Wire(lying.Edges + [inside] + standing.Edges + [outside])
shape = Part.Face(outline).extrude(App.Vector(WIDTH, 0, 0))

# The gusset, whose legs go a little way into the plates.
gusset = Part.makePolygon([
    point(wall - GUSSET_LENGTH, THICKNESS), point(wall, THICKNESS + GUSSET_LENGTH),
    point(wall + beyond, THICKNESS + GUSSET_LENGTH), point(wall + beyond, THICKNESS - beyond),
    point(wall - GUSSET_LENGTH, THICKNESS - beyond), point(wall - GUSSET_LENGTH, THICKNESS),
])
gusset = Part.Face(gusset).extrude(App.Vector(GUSSET_THICKNESS, 0, 0))
gusset.translate(App.Vector(WIDTH / 2 - GUSSET_THICKNESS / 2, 0, 0))
shape = shape.fuse(gusset).removeSplitter()

# A pair of holes in each plate.
holes = []
for x in (left + HOLE_MARGIN, right - HOLE_MARGIN):
    holes.append(screw_hole(App.Vector(x, front + HOLE_MARGIN, THICKNESS), App.Vector(0, 0, -1)))
    holes.append(screw_hole(App.Vector(x, wall, HEIGHT - HOLE_MARGIN), App.Vector(0, 1, 0)))
shape = shape.cut(holes)


def is_free_corner(edge):
    """Whether it is one of the four short edges at the plates' free ends."""
    middle = edge.BoundBox.Center
    at_side = abs(abs(middle.x) - WIDTH / 2) < 1e-6
    at_end = abs(middle.y - front) < 1e-6 or abs(middle.z - HEIGHT) < 1e-6
    return at_side and at_end and abs(edge.Length - THICKNESS) < 1e-6


shape = shape.makeFillet(CORNER_RADIUS, [edge for edge in shape.Edges if is_free_corner(edge)])

doc = App.newDocument("Model")
obj = doc.addObject("Part::Feature", "Bracket")
obj.Label = "Bracket"
obj.Shape = shape
obj.ViewObject.ShapeColor = (0.36, 0.54, 0.72)
doc.recompute()
