# A scripted object whose execute fails; FreeCAD prints it and goes on.
import FreeCAD as App


class Broken:
    def __init__(self, thing):
        thing.Proxy = self

    def execute(self, thing):
        raise ValueError("cannot be built")


doc = App.newDocument("Broken")
Broken(doc.addObject("Part::FeaturePython", "Broken"))
doc.recompute()
