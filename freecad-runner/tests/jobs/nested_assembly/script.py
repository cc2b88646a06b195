# App::Part in App::Part: every placement on the way counts.
import FreeCAD as App
from FreeCAD import Placement, Rotation, Vector

doc = App.newDocument("Assembly")
outer = doc.addObject("App::Part", "Machine")
inner = doc.addObject("App::Part", "Arm")
outer.addObject(inner)
outer.Placement = Placement(Vector(100, 0, 0), Rotation())
inner.Placement = Placement(Vector(0, 50, 0), Rotation(Vector(0, 0, 1), 90))
box = doc.addObject("Part::Box", "Finger")
box.Length, box.Width, box.Height = 30, 4, 2
inner.addObject(box)
base = doc.addObject("Part::Box", "Base")
outer.addObject(base)
doc.recompute()
