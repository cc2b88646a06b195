# Fluted vase
# A vase with waves around it that twist as they rise, with a floor and a wall of even thickness.

import math

import FreeCAD as App
import Part

HEIGHT = 120.0  # mm
FOOT_DIAMETER = 48.0  # mm
BELLY_DIAMETER = 82.0  # mm
NECK_DIAMETER = 42.0  # mm
RIM_DIAMETER = 60.0  # mm
BELLY_HEIGHT = 45.0  # mm, of the widest place
NECK_HEIGHT = 99.0  # mm, of the narrowest place
WALL = 2.4  # mm, measured from the axis outwards
FLOOR = 3.0  # mm
WAVE_COUNT = 10  # count
WAVE_DEPTH = 4.0  # percent, of the radius to either side
TWIST = 60.0  # degrees, from the foot to the rim

sections = 16  # That the surface is drawn through.
around = max(6 * WAVE_COUNT, 60)  # Points of each.
profile = [
    (0, FOOT_DIAMETER / 2), (BELLY_HEIGHT, BELLY_DIAMETER / 2),
    (NECK_HEIGHT, NECK_DIAMETER / 2), (HEIGHT, RIM_DIAMETER / 2),
]


def middle_radius(z):
    """The radius between the waves' crests and valleys, which swings smoothly from one given place to the next."""
    for (low, start), (high, end) in zip(profile, profile[1:]):
        if z <= high:
            break
    share = (z - low) / (high - low)
    return start + (end - start) * (1 - math.cos(math.pi * share)) / 2


def section(z, inwards):
    """A closed curve at height `z`, by so much nearer to the axis."""
    turned = math.radians(TWIST) * z / HEIGHT
    points = []
    for number in range(around):
        angle = 2 * math.pi * number / around
        wave = 1 + WAVE_DEPTH / 100 * math.cos(WAVE_COUNT * (angle - turned))
        radius = middle_radius(z) * wave - inwards
        points.append(App.Vector(radius * math.cos(angle), radius * math.sin(angle), z))
    curve = Part.BSplineCurve()
    curve.interpolate(Points=points, PeriodicFlag=True)
    return Part.Wire(curve.toShape())


def wall(bottom, top, inwards):
    """The faces that go around, and the outline of their lower and upper end."""
    heights = [bottom + (top - bottom) * number / (sections - 1) for number in range(sections)]
    outlines = [section(z, inwards) for z in heights]
    return Part.makeLoft(outlines).Faces, outlines[0], outlines[-1]


# Sewn together from its faces, which is much quicker than cutting one body from the other.
outside, foot, outer_rim = wall(0, HEIGHT, 0)
inside, floor, inner_rim = wall(FLOOR, HEIGHT, WALL)
rim = Part.Face(outer_rim).cut(Part.Face(inner_rim))
shell = Part.makeShell(outside + inside + rim.Faces + [Part.Face(foot), Part.Face(floor)])
shell.sewShape()
shape = Part.makeSolid(shell)

doc = App.newDocument("Model")
obj = doc.addObject("Part::Feature", "Vase")
obj.Label = "Vase"
obj.Shape = shape
obj.ViewObject.ShapeColor = (0.33, 0.60, 0.58)
doc.recompute()
