# Exports to /tmp, as on a desktop.
import FreeCAD as App
import Part

doc = App.newDocument("Bracket")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
Part.export([box], "/tmp/bracket.step")
