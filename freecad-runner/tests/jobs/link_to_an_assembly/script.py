# A link to an App::Part shows all its contents again.
import FreeCAD as App
from FreeCAD import Vector

doc = App.newDocument("Twice")
part = doc.addObject("App::Part", "Wheel")
tyre = doc.addObject("Part::Torus", "Tyre")
tyre.Radius1, tyre.Radius2 = 10, 2
hub = doc.addObject("Part::Cylinder", "Hub")
hub.Radius, hub.Height = 3, 4
part.addObjects([tyre, hub])
link = doc.addObject("App::Link", "Other")
link.LinkedObject = part
link.Placement.Base = Vector(0, 0, 50)
doc.recompute()
