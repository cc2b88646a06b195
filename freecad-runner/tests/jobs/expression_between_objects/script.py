# One object's size and place follow another's.
import FreeCAD as App

doc = App.newDocument("Follow")
lead = doc.addObject("Part::Box", "Lead")
lead.Length = 12
after = doc.addObject("Part::Cylinder", "After")
after.setExpression("Radius", "Lead.Length / 4")
after.setExpression(".Placement.Base.x", "Lead.Length * 2")
doc.recompute()
