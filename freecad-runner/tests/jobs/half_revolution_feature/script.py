# Part::Revolution by 180 degrees of a drawn profile.
import FreeCAD as App
import Part
from FreeCAD import Vector

doc = App.newDocument("Half")
profile = doc.addObject("Part::Feature", "Profile")
profile.Shape = Part.Face(Part.makePolygon([Vector(2, 0, 0), Vector(8, 0, 0), Vector(2, 0, 9), Vector(2, 0, 0)]))
turned = doc.addObject("Part::Revolution", "Turned")
turned.Source, turned.Axis, turned.Base, turned.Angle = profile, Vector(0, 0, 1), Vector(), 180
doc.recompute()
