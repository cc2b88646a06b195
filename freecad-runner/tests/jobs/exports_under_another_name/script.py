# One STL under a name of its own counts as the model's.
import os

import FreeCAD as App
import Import
import Mesh
import Part

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Own")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
Mesh.export([box], os.path.join(out, "Bottle.stl"))
