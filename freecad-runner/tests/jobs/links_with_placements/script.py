# Four App::Links to one bolt; the bolt itself is hidden.
import FreeCAD as App
from FreeCAD import Vector

doc = App.newDocument("Links")
bolt = doc.addObject("Part::Cylinder", "Bolt")
bolt.Radius, bolt.Height = 3, 20
bolt.Visibility = False
for number, (x, y) in enumerate(((0, 0), (40, 0), (40, 40), (0, 40))):
    link = doc.addObject("App::Link", f"Bolt{number}")
    link.LinkedObject = bolt
    link.Placement.Base = Vector(x, y, 0)
doc.recompute()
