# Enclosure with a lid
# A box with rounded corners for a circuit board: stand-offs, screw posts, a cable hole, and a lid with vents and a lip.

import FreeCAD as App
import Part

INNER_LENGTH = 90.0  # mm, along X
INNER_WIDTH = 60.0  # mm, along Y
INNER_HEIGHT = 28.0  # mm, from the floor to the lid
WALL = 2.5  # mm, walls, floor and lid
CORNER_RADIUS = 8.0  # mm, outside
LIP_HEIGHT = 3.0  # mm, by which the lid's lip reaches into the box
LIP_THICKNESS = 1.6  # mm
CLEARANCE = 0.25  # mm, between the lip and what is around it
POST_DIAMETER = 8.0  # mm, of the screw posts in the corners
PILOT_HOLE = 2.5  # mm, that M3 screws cut their thread into
SCREW_HOLE = 3.4  # mm, in the lid, for M3
HEAD_DIAMETER = 6.4  # mm, of the countersinks of 90 degrees in the lid
STANDOFF_DIAMETER = 6.0  # mm
STANDOFF_HEIGHT = 5.0  # mm
BOARD_LENGTH = 62.0  # mm, between the stand-offs' axes, along X
BOARD_WIDTH = 34.0  # mm, the same along Y
CABLE_HOLE = 10.0  # mm, in the wall on the right
VENT_COUNT = 7  # count
VENT_LENGTH = 30.0  # mm
VENT_WIDTH = 3.0  # mm
VENT_STEP = 7.0  # mm, from vent to vent
LID_LIFT = 30.0  # mm, by which the lid is drawn above its place; 0 closes the box

length, width = INNER_LENGTH + 2 * WALL, INNER_WIDTH + 2 * WALL
rim = WALL + INNER_HEIGHT
inner_radius = CORNER_RADIUS - WALL
beyond = 1.0  # How far tools reach over the faces that they cut.


def block(length, width, radius, bottom, top):
    """An upright block around the Z axis with rounded corners."""
    shape = Part.makeBox(length, width, top - bottom, App.Vector(-length / 2, -width / 2, bottom))
    upright = [edge for edge in shape.Edges if edge.BoundBox.ZLength > (top - bottom) / 2]
    return shape.makeFillet(radius, upright)


def rod(diameter, x, y, bottom, top):
    return Part.makeCylinder(diameter / 2, top - bottom, App.Vector(x, y, bottom))


def corners(x, y):
    return [(x, y), (-x, y), (-x, -y), (x, -y)]


# The box, and in it posts that run into the corners, and stand-offs.
post_places = corners(INNER_LENGTH / 2 - 0.45 * POST_DIAMETER, INNER_WIDTH / 2 - 0.45 * POST_DIAMETER)
board_places = corners(BOARD_LENGTH / 2, BOARD_WIDTH / 2)
outside = block(length, width, CORNER_RADIUS, 0, rim)
box = outside.cut(block(INNER_LENGTH, INNER_WIDTH, inner_radius, WALL, rim + beyond))
posts = [rod(POST_DIAMETER, x, y, WALL - 0.1, rim) for x, y in post_places]
standoffs = [rod(STANDOFF_DIAMETER, x, y, WALL - 0.1, WALL + STANDOFF_HEIGHT) for x, y in board_places]
box = box.fuse(posts + standoffs).common(outside).removeSplitter()
holes = [rod(PILOT_HOLE, x, y, WALL, rim + beyond) for x, y in post_places]
holes += [rod(PILOT_HOLE, x, y, WALL, WALL + STANDOFF_HEIGHT + beyond) for x, y in board_places]
cable_place = App.Vector(INNER_LENGTH / 2 - beyond, 0, WALL + INNER_HEIGHT / 2)
holes.append(Part.makeCylinder(CABLE_HOLE / 2, WALL + 2 * beyond, cable_place, App.Vector(1, 0, 0)))
box = box.cut(holes)

# The lid, and under it a lip that leaves room for the posts.
top = rim + WALL
lid = block(length, width, CORNER_RADIUS, rim, top)
lip_length, lip_width = INNER_LENGTH - 2 * CLEARANCE, INNER_WIDTH - 2 * CLEARANCE
lip_radius = inner_radius - CLEARANCE
lip = block(lip_length, lip_width, lip_radius, rim - LIP_HEIGHT, rim + 0.1).cut(
    block(
        lip_length - 2 * LIP_THICKNESS, lip_width - 2 * LIP_THICKNESS, lip_radius - LIP_THICKNESS,
        rim - LIP_HEIGHT - beyond, rim + beyond,
    )
)
room = [rod(POST_DIAMETER + 2 * CLEARANCE, x, y, rim - LIP_HEIGHT - beyond, rim) for x, y in post_places]
lid = lid.fuse(lip.cut(room)).removeSplitter()
openings = []
for x, y in post_places:
    openings.append(rod(SCREW_HOLE, x, y, rim - beyond, top + beyond))
    sink, head = (HEAD_DIAMETER - SCREW_HOLE) / 2, HEAD_DIAMETER / 2
    openings.append(Part.makeCone(SCREW_HOLE / 2, head + 0.1, sink + 0.1, App.Vector(x, y, top - sink)))
for number in range(VENT_COUNT):
    x = (number - (VENT_COUNT - 1) / 2) * VENT_STEP
    vent = block(VENT_WIDTH, VENT_LENGTH, 0.45 * VENT_WIDTH, rim - beyond, top + beyond)
    vent.translate(App.Vector(x, 0, 0))
    openings.append(vent)
lid = lid.cut(openings)
lid.translate(App.Vector(0, 0, LID_LIFT))

doc = App.newDocument("Model")
for name, shape, colour in (("Box", box, (0.25, 0.42, 0.50)), ("Lid", lid, (0.90, 0.62, 0.25))):
    obj = doc.addObject("Part::Feature", name)
    obj.Label = name
    obj.Shape = shape
    obj.ViewObject.ShapeColor = colour
doc.recompute()
