# A fillet that cannot be made; FreeCAD goes on as if nothing were wrong.
import FreeCAD as App

doc = App.newDocument("Fillet")
box = doc.addObject("Part::Box", "Box")
fillet = doc.addObject("Part::Fillet", "Fillet")
fillet.Label = "Too round"
fillet.Base = box
fillet.Edges = [(1, 99.0, 99.0)]
doc.recompute()
print("went on")
