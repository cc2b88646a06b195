# The most common mistake of a language model: a property that is not there.
import FreeCAD as App

doc = App.newDocument("Demo")
box = doc.addObject("Part::Box", "Box")
box.Lenght = 10
