# One edge broken, on the shape itself.
import FreeCAD as App
import Part

doc = App.newDocument("Chamfer")
box = Part.makeBox(10, 10, 10)
doc.addObject("Part::Feature", "Broken").Shape = box.makeChamfer(2, [box.Edges[0]])
doc.recompute()
