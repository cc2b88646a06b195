# Leaves early and in good order.
import sys

import FreeCAD as App

doc = App.newDocument("Exit")
doc.addObject("Part::Box", "Box")
doc.recompute()
sys.exit(0)
raise RuntimeError("not reached")
