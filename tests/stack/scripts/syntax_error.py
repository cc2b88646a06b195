import FreeCAD as App

doc = App.newDocument("Never"
box = doc.addObject("Part::Box", "Box")
