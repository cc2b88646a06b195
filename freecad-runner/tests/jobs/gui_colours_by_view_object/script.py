# Colours and transparency as scripts for the desktop program set them.
import FreeCAD as App

doc = App.newDocument("Colours")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
box.ViewObject.ShapeColor = (0.8, 0.1, 0.1)
box.ViewObject.Transparency = 30
box.ViewObject.Visibility = True
print("colour", box.ViewObject.ShapeColor[0])
