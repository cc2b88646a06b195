# Only the last line is wrong, and no line may run.
import FreeCAD as App

print("a line of it ran")
doc = App.newDocument("Model")
doc.addObject("Part::Box", "Box")
doc.recompute()
doc.saveAs("Model.FCStd")
width = 3 +* 4
