"""Runs long enough to lose its runner meanwhile."""

import time

import FreeCAD as App

time.sleep(4)
doc = App.newDocument("Slow")
doc.addObject("Part::Box", "Box")
doc.recompute()
