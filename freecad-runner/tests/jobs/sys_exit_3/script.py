# Leaves with a status that means failure.
import sys

import FreeCAD as App

App.newDocument("Demo").addObject("Part::Box", "Box")
sys.exit(3)
