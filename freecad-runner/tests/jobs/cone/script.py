# A truncated cone.
import FreeCAD, Part

doc = FreeCAD.newDocument("Cone")
Part.show(Part.makeCone(10, 4, 15))
