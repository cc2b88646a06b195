# A plain group, and a compound of three boxes beside it.
import FreeCAD as App
import Part
from FreeCAD import Vector

doc = App.newDocument("Group")
group = doc.addObject("App::DocumentObjectGroup", "Group")
group.addObject(doc.addObject("Part::Box", "Loose"))
three = Part.makeCompound([Part.makeBox(2, 2, 2, Vector(20 + 5 * n, 0, 0)) for n in range(3)])
doc.addObject("Part::Feature", "Three").Shape = three
doc.recompute()
