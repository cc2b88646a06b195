# Threaded bolt
# A hexagon-head bolt with a real ISO metric thread that runs out into the shank, and a chamfered tip.

import math

import FreeCAD as App
import Part

DIAMETER = 12.0  # mm, nominal; M12
PITCH = 1.75  # mm, from turn to turn; coarse for M12
LENGTH = 45.0  # mm, below the head
THREAD_LENGTH = 30.0  # mm
HEAD_WIDTH = 18.0  # mm, across the flats
HEAD_HEIGHT = 7.5  # mm
WASHER_DIAMETER = 16.6  # mm, of the raised face below the head
WASHER_HEIGHT = 0.6  # mm, part of the head's height
PLAY = 0.04  # mm, by which the thread is smaller than nominal, so that a nut turns

height = math.sqrt(3) / 2 * PITCH  # Of the sharp triangle that the profile is cut from (ISO 68-1).
shank = DIAMETER / 2
crest = shank - PLAY / 2
core = crest - 5 / 8 * height
top = HEAD_HEIGHT + LENGTH
run_out = top - THREAD_LENGTH  # Above it the thread is whole.


def at(radius, z):
    return App.Vector(radius, 0, z)


def turned(points):
    """The solid of a closed outline (radius, height), turned around the Z axis."""
    outline = [at(*point) for point in points]
    return Part.Face(Part.makePolygon(outline + outline[:1])).revolve(at(0, 0), App.Vector(0, 0, 1), 360)


# The head lies on the floor: a hexagon with its corners turned off, and the raised face on which it sits.
across_corners = HEAD_WIDTH / math.cos(math.radians(30))
turn = App.Rotation(App.Vector(0, 0, 1), 60)
corners = [at(across_corners / 2, 0)]
for number in range(6):
    corners.append(turn.multVec(corners[-1]))
prism = Part.Face(Part.makePolygon(corners)).extrude(at(0, HEAD_HEIGHT - WASHER_HEIGHT))
flat, corner = 0.95 * HEAD_WIDTH / 2, across_corners / 2 + 1
rise = (corner - flat) * math.tan(math.radians(30))
head = prism.common(turned([(0, 0), (flat, 0), (corner, rise), (corner, HEAD_HEIGHT), (0, HEAD_HEIGHT)]))
washer = Part.makeCylinder(WASHER_DIAMETER / 2, HEAD_HEIGHT - 1, at(0, 1))

# The rod: as thick as the thread's core where the thread is. In the cone below it the thread runs out.
cone = 1.5 * (shank - core)
rod = turned([(0, 1), (shank, 1), (shank, run_out - cone), (core, run_out), (core, top), (0, top)])

# The thread: a ridge around the rod, from inside the shank to beyond the tip, swept along one helix a turn.
foot = core - 0.1
half_crest = PITCH / 16
half_foot = half_crest + (crest - foot) * math.tan(math.radians(30))
start = run_out - cone - PITCH
turns = []
for number in range(math.ceil((top + PITCH - start) / PITCH)):
    helix = Part.makeHelix(PITCH, PITCH, crest)
    helix.translate(at(0, start + number * PITCH))
    turns += helix.Edges
ridge = Part.makePolygon([
    at(foot, start - half_foot), at(crest, start - half_crest), at(crest, start + half_crest),
    at(foot, start + half_foot), at(foot, start - half_foot),
])
thread = Part.Wire(turns).makePipeShell([ridge], True, True)

# What is cut off: all that is above the tip, and the tip's edge.
chamfer = shank - core + 0.2
above, outside = top + 3 * PITCH, shank + 1
tip = turned([
    (0, top), (shank - chamfer, top), (outside, top - chamfer - 1), (outside, above), (0, above),
])
shape = rod.fuse([head, washer]).removeSplitter().fuse(thread).cut(tip)

doc = App.newDocument("Model")
obj = doc.addObject("Part::Feature", "Bolt")
obj.Label = "Bolt"
obj.Shape = shape
obj.ViewObject.ShapeColor = (0.62, 0.65, 0.70)
doc.recompute()
