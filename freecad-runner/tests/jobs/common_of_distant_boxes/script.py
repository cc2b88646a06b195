# Two boxes without a common volume.
import FreeCAD as App
import Part

doc = App.newDocument("Common")
shared = Part.makeBox(1, 1, 1).common(Part.makeBox(1, 1, 1, App.Vector(9, 9, 9)))
doc.addObject("Part::Feature", "Shared").Shape = shared
doc.recompute()
