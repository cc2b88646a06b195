# A rectangle turned once round the axis.
import FreeCAD as App
import Part
from FreeCAD import Vector

doc = App.newDocument("Bush")
corners = [(10, 0), (12, 0), (12, 5), (10, 5), (10, 0)]
face = Part.Face(Part.makePolygon([Vector(r, 0, z) for r, z in corners]))
doc.addObject("Part::Feature", "Bush").Shape = face.revolve(Vector(), Vector(0, 0, 1), 360)
doc.recompute()
