# Writes all four files under the agreed name: they are used as they are.
import os

import FreeCAD as App
import Import
import Mesh
import Part

out = os.environ["FREECAD_OUTPUT"]
doc = App.newDocument("Own")
box = doc.addObject("Part::Box", "Box")
doc.recompute()
base = os.path.join(out, "MyHeadlessModel")
doc.saveAs(base + ".FCStd")
Import.export([box], base + ".step")
Mesh.export([box], base + ".stl")
Mesh.export([box], base + ".obj")
