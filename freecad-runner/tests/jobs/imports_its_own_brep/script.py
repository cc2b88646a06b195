# Writes a BREP file and reads it again.
import FreeCAD as App
import Part

Part.makeCone(5, 0, 12).exportBrep("cone.brep")
doc = App.newDocument("Read")
doc.addObject("Part::Feature", "Read").Shape = Part.read("cone.brep")
doc.recompute()
