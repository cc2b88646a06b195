# A dimension that refers to a missing name.
import FreeCAD as App

doc = App.newDocument("Expression")
box = doc.addObject("Part::Box", "Box")
box.setExpression("Length", "Sheet.missing * 2")
doc.recompute()
