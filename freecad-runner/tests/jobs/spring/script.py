# A circle swept along a helix.
import FreeCAD as App
import Part
from math import atan2, degrees, pi

doc = App.newDocument("Spring")
pitch, turns, radius, wire = 10, 3, 15, 2
helix = Part.makeHelix(pitch, pitch * turns, radius)
# The circle stands across the helix where it begins.
slope = App.Rotation(App.Vector(1, 0, 0), degrees(atan2(pitch, 2 * pi * radius)))
circle = Part.Wire(Part.makeCircle(wire, App.Vector(radius, 0, 0), slope.multVec(App.Vector(0, 1, 0))))
spring = Part.Wire(helix).makePipeShell([circle], True, True)
doc.addObject("Part::Feature", "Spring").Shape = spring
doc.recompute()
