# Exports only the lid of a case, under its own name; the model is both parts.
import os

import FreeCAD as App
import Import
import Mesh

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Box")
case = doc.addObject("Part::Box", "Case")
case.Length, case.Width, case.Height = 40, 30, 20
lid = doc.addObject("Part::Box", "Lid")
lid.Length, lid.Width, lid.Height = 40, 30, 2
lid.Placement.Base.z = 25
doc.recompute()
Import.export([lid], os.path.join(out, "lid.step"))
Mesh.export([lid], os.path.join(out, "lid.stl"))
