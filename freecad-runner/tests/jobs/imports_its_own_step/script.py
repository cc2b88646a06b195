# Writes a STEP file into its temporary directory and imports that.
import os
import tempfile

import FreeCAD as App
import Import
import Part

with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "part.step")
    Part.makeBox(7, 8, 9).exportStep(path)
    doc = App.newDocument("Imported")
    Import.insert(path, doc.Name)
doc.recompute()
print("objects", len(doc.Objects))
