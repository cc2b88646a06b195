# A cylinder, as a shape in a Part::Feature.
import FreeCAD as App
import Part

doc = App.newDocument()
doc.addObject("Part::Feature", "Pin").Shape = Part.makeCylinder(5, 20)
doc.recompute()
