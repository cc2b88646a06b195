# The script is over at once; what it leaves behind hangs the export.
import FreeCAD


class Slow:
    def execute(self, thing):
        while True:
            pass


thing = FreeCAD.ActiveDocument.addObject("Part::FeaturePython", "Slow")
thing.Proxy = Slow()
thing.touch()
