# All of this is right, and none of it may run: the last line is not.
import FreeCAD as App

print("a line of it ran")
doc = App.newDocument("Model")
doc.addObject("Part::Box", "Box")
doc.recompute()
doc.saveAs("Model.FCStd")
width = 3 +* 4
