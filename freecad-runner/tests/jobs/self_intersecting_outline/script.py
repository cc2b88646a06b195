# A face whose outline crosses itself, extruded.
import FreeCAD as App
import Part
from FreeCAD import Vector

doc = App.newDocument("Knot")
corners = [(0, 0), (10, 10), (10, 0), (0, 10), (0, 0)]
face = Part.Face(Part.makePolygon([Vector(x, y, 0) for x, y in corners]))
doc.addObject("Part::Feature", "Knot").Shape = face.extrude(Vector(0, 0, 5))
doc.recompute()
