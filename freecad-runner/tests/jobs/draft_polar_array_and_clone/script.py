# A polar Draft array, and a clone of something else beside it.
import Draft
import FreeCAD as App
from FreeCAD import Vector

doc = App.newDocument("Polar")
pin = doc.addObject("Part::Cylinder", "Pin")
pin.Radius, pin.Height = 2, 10
pin.Placement.Base = Vector(20, 0, 0)
Draft.make_polar_array(pin, number=5, angle=360, center=Vector(0, 0, 0), use_link=False)
box = doc.addObject("Part::Box", "Box")
box.Placement.Base = Vector(-5, -5, 20)
clone = Draft.make_clone(box, delta=Vector(0, 0, 30))
doc.recompute()
