# The active document is the model; a warning names the others.
import FreeCAD as App

for name, size in (("Draft", 5), ("Final", 8)):
    doc = App.newDocument(name)
    box = doc.addObject("Part::Box", "Box")
    box.Length = box.Width = box.Height = size
    doc.recompute()
App.setActiveDocument("Final")
