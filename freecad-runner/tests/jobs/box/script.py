# A box, as a document object.
import FreeCAD as App

doc = App.newDocument("Demo")
box = doc.addObject("Part::Box", "Box")
box.Length, box.Width, box.Height = 10, 20, 30
doc.recompute()
print("volume", box.Shape.Volume)
