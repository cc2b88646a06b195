# Replaces every function that the exporter could use by one that returns wrong values.
import builtins
import json
import math
import os.path
import struct
import sys
import time
import zipfile


def lie(*arguments, **named):
    return None


import FreeCAD
import Import
import Mesh
import MeshPart
import Part

for module in (json, math, os, os.path, struct, time, zipfile, FreeCAD, Import, Mesh, MeshPart, Part):
    for name, value in list(vars(module).items()):
        if callable(value) and not isinstance(value, type) and name not in ("_exit",):
            try:
                setattr(module, name, lie)
            except (AttributeError, TypeError):
                pass
for name in ("open", "len", "isinstance", "sorted", "print", "getattr", "sum", "max", "all", "any", "zip", "range", "__import__"):
    builtins.__dict__[name] = lie
json.JSONEncoder.encode = lie
