# Works for a while, with booleans and with Python.
import time

import FreeCAD as App
import Part
from FreeCAD import Vector

began, rounds = time.monotonic(), 0
while time.monotonic() - began < 1.2:
    plate = Part.makeBox(50, 50, 5).cut(Part.makeCylinder(5, 5, Vector(25, 25, 0)))
    rounds += 1
doc = App.newDocument("Busy")
doc.addObject("Part::Feature", "Plate").Shape = plate
doc.recompute()
time.sleep(0.3)
print("busy", rounds > 3)
