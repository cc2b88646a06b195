# Empties its output directory; a script may not remove the directory itself.
import os
import shutil

import FreeCAD as App

App.newDocument("Demo").addObject("Part::Box", "Box")
try:
    shutil.rmtree(os.environ["FREECAD_OUTPUT"])
except OSError as error:
    print("not quite:", type(error).__name__)
