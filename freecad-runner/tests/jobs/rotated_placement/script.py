# A box turned by 45 degrees about its own corner.
import FreeCAD as App
from FreeCAD import Placement, Rotation, Vector

doc = App.newDocument("Turned")
box = doc.addObject("Part::Box", "Box")
box.Placement = Placement(Vector(0, 0, 0), Rotation(Vector(0, 0, 1), 45))
doc.recompute()
