# A bolt: a groove along a helix, cut from a cylinder.
import FreeCAD as App
import Part
from FreeCAD import Vector

doc = App.newDocument("Bolt")
shaft = Part.makeCylinder(10, 30)
pitch, turns = 4, 3
helix = Part.makeHelix(pitch, pitch * turns, 9)
helix.translate(Vector(0, 0, 8))
tooth = Part.makePolygon([Vector(8, 0, 8), Vector(10.5, 0, 6.5), Vector(10.5, 0, 9.5), Vector(8, 0, 8)])
groove = Part.Wire(helix).makePipeShell([tooth], True, True)
bolt = doc.addObject("Part::Feature", "Bolt")
bolt.Shape = shaft.cut(groove)
doc.recompute()
print("groove", round(groove.Volume))
