# Changes into a temporary directory, which is removed at the end of its block; the process stands nowhere then.
import os
import tempfile

import FreeCAD as App
import Part

with tempfile.TemporaryDirectory() as directory:
    os.chdir(directory)
    Part.makeBox(2, 3, 4).exportBrep("part.brep")
    shape = Part.read("part.brep")
doc = App.newDocument("Demo")
doc.addObject("Part::Feature", "Part").Shape = shape
doc.recompute()
