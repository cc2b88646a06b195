# From a large square to a small one.
import FreeCAD as App
import Part


def square(half, z):
    corners = [App.Vector(x * half, y * half, z) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
    return Part.makePolygon(corners)


doc = App.newDocument("Loft")
doc.addObject("Part::Feature", "Loft").Shape = Part.makeLoft([square(10, 0), square(5, 30)], True, True)
doc.recompute()
