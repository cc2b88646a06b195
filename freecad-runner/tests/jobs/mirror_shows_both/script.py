# A mirrored copy stands beside its original.
import FreeCAD as App

doc = App.newDocument("Pair")
left = doc.addObject("Part::Box", "Left")
left.Placement.Base = App.Vector(5, 0, 0)
right = doc.addObject("Part::Mirroring", "Right")
right.Source, right.Normal, right.Base = left, App.Vector(1, 0, 0), App.Vector()
doc.recompute()
