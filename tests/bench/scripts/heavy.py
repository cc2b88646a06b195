import FreeCAD as App
import Part

plate = Part.makeBox(120, 120, 5)
holes = [Part.makeCylinder(2, 10, App.Vector(6 + 10 * x, 6 + 10 * y, -2)) for x in range(12) for y in range(12)]
doc = App.newDocument("Heavy")
doc.addObject("Part::Feature", "Sieve").Shape = plate.cut(Part.makeCompound(holes))
doc.recompute()
