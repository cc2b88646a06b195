"""Run by freecadcmd: opens a file that a job wrote and prints one JSON line about it.

`Import.insert` reads STEP colours with OCCT's own reader; with other options it crashes without a window.
"""

import json
import os
import sys

import FreeCAD
import Import

try:
    path = os.environ["READ_BACK"]
    if path.endswith(".FCStd"):
        document = FreeCAD.openDocument(path)
        document.recompute()
        answer = {
            thing.Name: [thing.Visibility, thing.Shape.Volume if hasattr(thing, "Shape") else None]
            for thing in document.Objects
        }
    else:
        document = FreeCAD.newDocument("Read")
        found = Import.insert(path, "Read", merge=False, useLinkGroup=True, mode=0)
        answer = [
            [thing.Label, [(list(face.CenterOfMass), list(colour)) for face, colour in zip(thing.Shape.Faces, colours)]]
            if len(colours) > 1
            else [thing.Label, list(colours[0])]
            for thing, colours in found or []
        ]
    sys.stdout.flush()
    os.write(1, b"\nANSWER " + json.dumps(answer).encode() + b"\n")
finally:
    os._exit(0)
