# Ends its own process with a status that means success; nothing is exported, and status is not believed.
import os

import FreeCAD as App

App.newDocument("Demo").addObject("Part::Box", "Box")
print("leaving")
os._exit(0)
