# Part::Loft through three sections, ruled: two truncated cones.
import FreeCAD as App

doc = App.newDocument("Vase")
sections = []
for radius, z in ((10, 0), (6, 20), (9, 30)):
    circle = doc.addObject("Part::Circle", f"Circle{z}")
    circle.Radius = radius
    circle.Placement.Base = App.Vector(0, 0, z)
    sections.append(circle)
loft = doc.addObject("Part::Loft", "Vase")
loft.Sections, loft.Solid, loft.Ruled = sections, True, True
doc.recompute()
