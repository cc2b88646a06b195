# Hinge
# A butt hinge: two leaves with knuckles that mesh, countersunk holes, and a riveted pin; drawn at any angle.

import FreeCAD as App
import Part

LENGTH = 80.0  # mm, along the pin's axis, which is parallel to X
LEAF_WIDTH = 36.0  # mm, from the axis to a leaf's edge
LEAF_THICKNESS = 3.0  # mm
OPEN_ANGLE = 110.0  # degrees, between the leaves, from 0, which is closed, to 180, which is flat
KNUCKLE_COUNT = 5  # count, of both leaves together
KNUCKLE_DIAMETER = 12.0  # mm
GAP = 0.4  # mm, between the leaves, along the axis and around the knuckles
PIN_DIAMETER = 6.0  # mm
PIN_PLAY = 0.2  # mm, by which the bore is wider than the pin
RIVET_DIAMETER = 9.5  # mm, of the pin's heads
RIVET_HEIGHT = 2.0  # mm
CORNER_RADIUS = 6.0  # mm, of the leaves
HOLE_COUNT = 3  # count, in each leaf
HOLE_DIAMETER = 4.5  # mm
HEAD_DIAMETER = 9.0  # mm, of the countersinks of 90 degrees
HOLE_MARGIN = 12.0  # mm, from a hole's axis to the leaf's edge and ends

knuckle = KNUCKLE_DIAMETER / 2
step = LENGTH / KNUCKLE_COUNT
along = App.Vector(1, 0, 0)
beyond = 0.1  # How far tools reach over the faces that they cut.


def rod(radius, start, end):
    """A cylinder around the hinge's axis."""
    return Part.makeCylinder(radius, end - start, App.Vector(start, 0, knuckle), along)


def screw_hole(x, y):
    radius, head = HOLE_DIAMETER / 2, HEAD_DIAMETER / 2
    hole = Part.makeCylinder(radius, LEAF_THICKNESS + 2 * beyond, App.Vector(x, y, -beyond))
    depth = head - radius
    place = App.Vector(x, y, LEAF_THICKNESS - depth)
    return hole.fuse(Part.makeCone(radius, head + beyond, depth + beyond, place))


def leaf(has_ends):
    """A leaf that lies on the floor in front of the axis; with the outer knuckles or with those between."""
    plate = Part.makeBox(LENGTH, LEAF_WIDTH, LEAF_THICKNESS, App.Vector(-LENGTH / 2, -LEAF_WIDTH, 0))
    free = [edge for edge in plate.Edges if edge.BoundBox.YMax < 1e-6 - LEAF_WIDTH]
    plate = plate.makeFillet(CORNER_RADIUS, [edge for edge in free if edge.BoundBox.ZLength > LEAF_THICKNESS / 2])
    shape = plate.fuse(rod(knuckle, -LENGTH / 2, LENGTH / 2))
    tools = [rod((PIN_DIAMETER + PIN_PLAY) / 2, -LENGTH, LENGTH)]
    for number in range(KNUCKLE_COUNT):
        if (number % 2 == 0) != has_ends:
            start = number * step - LENGTH / 2
            tools.append(rod(knuckle + GAP, start - GAP / 2, start + step + GAP / 2))
    for number in range(HOLE_COUNT):
        share = number / (HOLE_COUNT - 1) if HOLE_COUNT > 1 else 0.5  # One alone is in the middle.
        x = HOLE_MARGIN + share * (LENGTH - 2 * HOLE_MARGIN) - LENGTH / 2
        tools.append(screw_hole(x, HOLE_MARGIN - LEAF_WIDTH))
    return shape.cut(tools).removeSplitter()


# The second leaf is turned to the back, and then up around the axis.
fixed, moving = leaf(True), leaf(False)
moving.rotate(App.Vector(0, 0, 0), App.Vector(0, 0, 1), 180)
moving.rotate(App.Vector(0, 0, knuckle), along, 180 - OPEN_ANGLE)

# The pin, with a head like a dome at either end.
end = LENGTH / 2 + GAP / 2
pin = rod(PIN_DIAMETER / 2, -end - beyond, end + beyond)
radius = ((RIVET_DIAMETER / 2) ** 2 + RIVET_HEIGHT**2) / (2 * RIVET_HEIGHT)
for side in (-1, 1):
    ball = Part.makeSphere(radius, App.Vector(side * (end + RIVET_HEIGHT - radius), 0, knuckle))
    reach = sorted((side * end, side * (end + 2 * RIVET_HEIGHT)))
    pin = pin.fuse(ball.common(rod(RIVET_DIAMETER, *reach)))
pin = pin.removeSplitter()

doc = App.newDocument("Model")
for name, shape, colour in (
    ("Fixed leaf", fixed, (0.78, 0.62, 0.32)),
    ("Moving leaf", moving, (0.85, 0.72, 0.45)),
    ("Pin", pin, (0.60, 0.63, 0.68)),
):
    obj = doc.addObject("Part::Feature", name.replace(" ", ""))
    obj.Label = name
    obj.Shape = shape
    obj.ViewObject.ShapeColor = colour
doc.recompute()
