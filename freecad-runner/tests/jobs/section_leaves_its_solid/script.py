# A section is a line on a solid; the solid stays the model.
import FreeCAD as App

doc = App.newDocument("Section")
box = doc.addObject("Part::Box", "Box")
plane = doc.addObject("Part::Plane", "Plane")
plane.Length = plane.Width = 30
plane.Placement.Base = App.Vector(-5, -5, 5)
plane.Visibility = False
section = doc.addObject("Part::Section", "Section")
section.Base, section.Tool = box, plane
doc.recompute()
