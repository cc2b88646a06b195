# Two boxes that overlap count once where they do.
import FreeCAD as App

doc = App.newDocument("Two")
one = doc.addObject("Part::Box", "One")
two = doc.addObject("Part::Box", "Two")
two.Placement.Base = App.Vector(5, 5, 5)
fuse = doc.addObject("Part::Fuse", "Both")
fuse.Base, fuse.Tool = one, two
doc.recompute()
