# Hides its operands through their views, and uses the GUI only if it is up.
import FreeCAD as App
import FreeCADGui
import PartGui

doc = App.newDocument("Hide")
one, two = doc.addObject("Part::Box", "One"), doc.addObject("Part::Box", "Two")
two.Placement.Base.x = 5
fuse = doc.addObject("Part::Fuse", "Fuse")
fuse.Base, fuse.Tool = one, two
doc.recompute()
for operand in (one, two):
    FreeCADGui.ActiveDocument.getObject(operand.Name).Visibility = False
fuse.ViewObject.LineWidth = 2
if App.GuiUp:
    FreeCADGui.activateWorkbench("PartWorkbench")
print("done")
