import FreeCAD as App
doc = App.newDocument("Box")
doc.addObject("Part::Box", "Box")
doc.recompute()
