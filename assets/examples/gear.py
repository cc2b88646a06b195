# Spur gear
# An involute gear with rounded roots, a hub with bore and keyway, and holes that make it lighter.

import math

import FreeCAD as App
import Part

TEETH = 32  # count
MODULE = 2.0  # mm, pitch diameter divided by the number of teeth
PRESSURE_ANGLE = 20.0  # degrees
FACE_WIDTH = 12.0  # mm, of the teeth, along Z
BACKLASH = 0.1  # mm, by which each tooth is thinner on the pitch circle
ROOT_FILLET = 0.6  # mm, radius in the roots, where the base circle leaves room for it
BORE_DIAMETER = 16.0  # mm
HUB_DIAMETER = 28.0  # mm
HUB_HEIGHT = 20.0  # mm, with the face width
KEY_WIDTH = 5.0  # mm
KEY_DEPTH = 2.3  # mm, from the bore outwards
HOLE_COUNT = 6  # count
HOLE_DIAMETER = 10.0  # mm

flank_points = 9  # Through which each flank is drawn.
pitch = TEETH * MODULE / 2
base = pitch * math.cos(math.radians(PRESSURE_ANGLE))
tip = pitch + MODULE
root = pitch - 1.25 * MODULE


def involute(radius):
    """The angle by which an involute has turned when it has come to `radius`."""
    angle = math.acos(base / radius)
    return math.tan(angle) - angle


def polar(radius, angle):
    return App.Vector(radius * math.cos(angle), radius * math.sin(angle), 0)


def arc(radius, start, end):
    """Of a circle around the origin."""
    return Part.Arc(polar(radius, start), polar(radius, (start + end) / 2), polar(radius, end)).toShape()


half_on_pitch = (math.pi * MODULE / 2 - BACKLASH) / 2 / pitch
half_on_base = half_on_pitch + involute(pitch)  # Half of a tooth's angle, where its involutes begin.
start = max(base, root)
half_on_root = half_on_base - involute(start)
step = 2 * math.pi / TEETH
radii = [start + (tip - start) * number / (flank_points - 1) for number in range(flank_points)]
flank = [(radius, half_on_base - involute(radius)) for radius in radii]

# A fillet touches the root circle and the straight part between root and base circle, where that is long enough.
touch = math.sqrt((root + ROOT_FILLET) ** 2 - ROOT_FILLET**2)
has_fillet = ROOT_FILLET > 0 and touch < start
fillet_angle = math.asin(ROOT_FILLET / (root + ROOT_FILLET)) if has_fillet else 0


def side(middle, sign):
    """The edges of one side of the tooth at `middle`, from the root to the tip; `sign` says which."""
    edges = []
    foot = polar(root, middle + sign * half_on_root)
    if has_fillet:
        centre = polar(root + ROOT_FILLET, middle + sign * (half_on_root + fillet_angle))
        low = polar(root, middle + sign * (half_on_root + fillet_angle))
        foot = polar(touch, middle + sign * half_on_root)
        between = ((low - centre) + (foot - centre)).normalize() * ROOT_FILLET
        edges.append(Part.Arc(low, centre + between, foot).toShape())
    if start > root:
        edges.append(Part.makeLine(foot, polar(start, middle + sign * half_on_root)))
    curve = Part.BSplineCurve()
    curve.interpolate([polar(radius, middle + sign * half) for radius, half in flank])
    return edges + [curve.toShape()]


edges = []
for tooth in range(TEETH):
    middle = tooth * step
    half_on_tip = flank[-1][1]
    edges += side(middle, -1)
    edges.append(arc(tip, middle - half_on_tip, middle + half_on_tip))
    edges += reversed(side(middle, 1))
    gap = half_on_root + fillet_angle
    edges.append(arc(root, middle + gap, middle + step - gap))
shape = Part.Face(Part.Wire(edges)).extrude(App.Vector(0, 0, FACE_WIDTH))

# Hub, bore, keyway and the holes that make it lighter.
bore = BORE_DIAMETER / 2
shape = shape.fuse(Part.makeCylinder(HUB_DIAMETER / 2, HUB_HEIGHT)).removeSplitter()
tools = [
    Part.makeCylinder(bore, HUB_HEIGHT + 2, App.Vector(0, 0, -1)),
    Part.makeBox(KEY_WIDTH, bore + KEY_DEPTH, HUB_HEIGHT + 2, App.Vector(-KEY_WIDTH / 2, 0, -1)),
]
for number in range(HOLE_COUNT):
    place = polar((HUB_DIAMETER / 2 + root) / 2, 2 * math.pi * number / HOLE_COUNT)
    tools.append(Part.makeCylinder(HOLE_DIAMETER / 2, FACE_WIDTH + 2, place - App.Vector(0, 0, 1)))
shape = shape.cut(tools)

doc = App.newDocument("Model")
obj = doc.addObject("Part::Feature", "Gear")
obj.Label = "Gear"
obj.Shape = shape
obj.ViewObject.ShapeColor = (0.85, 0.66, 0.30)
doc.recompute()
