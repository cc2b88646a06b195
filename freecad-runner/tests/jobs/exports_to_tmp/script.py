# As on a desk: the exported file is to go to /tmp.
import FreeCAD as App
import Part

doc = App.newDocument("Bracket")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
Part.export([box], "/tmp/bracket.step")
