# No document at all: the files that the script wrote are the model.
import os

import Mesh
import MeshPart
import Part

base = os.path.join(os.environ["FREECAD_OUTPUT"], "MyHeadlessModel")
shape = Part.makeBox(3, 4, 5)
shape.exportStep(base + ".step")
mesh = MeshPart.meshFromShape(Shape=shape, LinearDeflection=0.1)
mesh.write(base + ".stl")
mesh.write(base + ".obj")
