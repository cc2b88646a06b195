# An edge number that the box does not have.
import FreeCAD as App

doc = App.newDocument("Fillet")
chamfer = doc.addObject("Part::Chamfer", "Chamfer")
chamfer.Base = doc.addObject("Part::Box", "Box")
chamfer.Edges = [(77, 1.0, 1.0)]
doc.recompute()
