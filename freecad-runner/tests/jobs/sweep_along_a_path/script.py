# A round bar, straight and then bent by a quarter of a circle.
import FreeCAD as App
import Part
from FreeCAD import Vector

doc = App.newDocument("Handle")
straight = Part.makeLine(Vector(0, 0, 0), Vector(0, 0, 30))
half = 20 * 2**-0.5
bend = Part.Arc(Vector(0, 0, 30), Vector(20 - half, 0, 30 + half), Vector(20, 0, 50)).toShape()
path = doc.addObject("Part::Feature", "Path")
path.Shape = Part.Wire([straight, bend])
profile = doc.addObject("Part::Circle", "Profile")
profile.Radius = 3
sweep = doc.addObject("Part::Sweep", "Handle")
sweep.Sections = [profile]
sweep.Spine = (path, ["Edge1", "Edge2"])
sweep.Solid = True
doc.recompute()
