# The tool swallows the base.
import FreeCAD as App

doc = App.newDocument("Cut")
base, tool = doc.addObject("Part::Box", "Base"), doc.addObject("Part::Box", "Tool")
tool.Length = tool.Width = tool.Height = 50
tool.Placement.Base = App.Vector(-5, -5, -5)
cut = doc.addObject("Part::Cut", "Nothing")
cut.Base, cut.Tool = base, tool
doc.recompute()
