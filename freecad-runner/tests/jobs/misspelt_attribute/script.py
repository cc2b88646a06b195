# The most common mistake of a language model: a property that does not exist.
import FreeCAD as App

doc = App.newDocument("Demo")
box = doc.addObject("Part::Box", "Box")
box.Lenght = 10
