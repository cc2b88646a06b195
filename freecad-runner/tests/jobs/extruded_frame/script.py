# A face with a hole, extruded.
import FreeCAD as App
import Part
from FreeCAD import Vector

doc = App.newDocument("Frame")


def rectangle(x, y, length, width):
    corners = [(x, y), (x + length, y), (x + length, y + width), (x, y + width), (x, y)]
    return Part.makePolygon([Vector(a, b, 0) for a, b in corners])


frame = doc.addObject("Part::Feature", "Outline")
frame.Shape = Part.makeFace([rectangle(0, 0, 40, 30), rectangle(5, 5, 30, 20)], "Part::FaceMakerBullseye")
solid = doc.addObject("Part::Extrusion", "Frame")
solid.Base, solid.DirMode, solid.Dir, solid.LengthFwd = frame, "Custom", Vector(0, 0, 1), 8
solid.Solid = True
doc.recompute()
