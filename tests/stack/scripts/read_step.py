"""Reads the STEP file in $STEP back and writes its volume in mm³ to $VOLUME; the tests' own, not a job's."""

import os

import Part

with open(os.environ["VOLUME"], "w") as file:
    file.write(repr(Part.read(os.environ["STEP"]).Volume))
