# A closed Draft wire, extruded.
import Draft
import FreeCAD as App
from FreeCAD import Vector

doc = App.newDocument("Draft")
corners = [Vector(0, 0, 0), Vector(30, 0, 0), Vector(30, 10, 0), Vector(10, 10, 0), Vector(10, 40, 0), Vector(0, 40, 0)]
wire = Draft.make_wire(corners, closed=True, face=True)
doc.recompute()
solid = Draft.extrude(wire, Vector(0, 0, 5), solid=True)
doc.recompute()
