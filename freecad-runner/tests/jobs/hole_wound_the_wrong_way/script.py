# Part.Face with an inner wire that runs the same way as the outer: FreeCAD makes an invalid solid without an error.
import FreeCAD as App
import Part
from FreeCAD import Vector


def square(near, far):
    corners = [(near, near), (far, near), (far, far), (near, far), (near, near)]
    return Part.makePolygon([Vector(x, y, 0) for x, y in corners])


doc = App.newDocument("Frame")
face = Part.Face([square(0, 40), square(5, 35)])
doc.addObject("Part::Feature", "Frame").Shape = face.extrude(Vector(0, 0, 8))
doc.recompute()
