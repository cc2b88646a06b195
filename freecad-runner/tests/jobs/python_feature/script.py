# A scripted object: Part::FeaturePython with its own properties and execute.
import FreeCAD as App
import Part


class Ring:
    def __init__(self, thing):
        thing.addProperty("App::PropertyLength", "Outer", "Ring").Outer = 20
        thing.addProperty("App::PropertyLength", "Inner", "Ring").Inner = 12
        thing.Proxy = self

    def execute(self, thing):
        outer, inner = thing.Outer.Value, thing.Inner.Value
        thing.Shape = Part.makeCylinder(outer, 5).cut(Part.makeCylinder(inner, 5))


doc = App.newDocument("Scripted")
ring = doc.addObject("Part::FeaturePython", "Ring")
Ring(ring)
doc.recompute()
