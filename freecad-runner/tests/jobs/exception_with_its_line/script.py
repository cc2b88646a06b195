# Fails in the middle.
import FreeCAD as App

doc = App.newDocument("Demo")
doc.addObject("Part::Box", "Box")
print("before")
raise ValueError("größer als erlaubt")
print("after")
