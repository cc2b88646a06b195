# Changes into a temporary directory that is removed at the end of its block.
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
