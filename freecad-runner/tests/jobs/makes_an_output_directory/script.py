# A directory at the root, as in a container of another kind.
import os

import FreeCAD as App

doc = App.newDocument("Bracket")
doc.addObject("Part::Box", "Box")
os.makedirs("/output/models", exist_ok=True)
doc.saveAs("/output/models/bracket.FCStd")
