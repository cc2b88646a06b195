# A spur gear with involute flanks as points, and a bore.
import FreeCAD as App
import Part
from FreeCAD import Vector
from math import acos, cos, pi, radians, sin, tan

TEETH, MODULE, STEPS, WIDTH = 20, 2.0, 8, 6
pitch = TEETH * MODULE / 2
base, top, root = pitch * cos(radians(20)), pitch + MODULE, pitch - 1.25 * MODULE


def involute(angle):
    return tan(angle) - angle


def polar(radius, angle):
    return Vector(radius * cos(angle), radius * sin(angle), 0)


half = pi / (2 * TEETH) + involute(radians(20))
points = []
for tooth in range(TEETH):
    middle = 2 * pi * tooth / TEETH
    flank = []
    for step in range(STEPS + 1):
        radius = base + (top - base) * step / STEPS
        flank.append((radius, half - involute(acos(min(1, base / radius)))))
    points.append(polar(root, middle - half))
    points += [polar(radius, middle - width) for radius, width in flank]
    points += [polar(radius, middle + width) for radius, width in reversed(flank)]
    points.append(polar(root, middle + half))
doc = App.newDocument("Gear")
blank = Part.Face(Part.makePolygon(points + points[:1])).extrude(Vector(0, 0, WIDTH))
gear = doc.addObject("Part::Feature", "Gear")
gear.Shape = blank.cut(Part.makeCylinder(4, WIDTH))
doc.recompute()
