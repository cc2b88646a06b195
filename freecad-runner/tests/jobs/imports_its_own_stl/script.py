# Writes an STL file, reads it, and makes a solid of it.
import FreeCAD as App
import Mesh
import Part

Mesh.createBox(10, 10, 10).write("cube.stl")
shape = Part.Shape()
shape.makeShapeFromMesh(Mesh.Mesh("cube.stl").Topology, 0.1)
doc = App.newDocument("Solid")
doc.addObject("Part::Feature", "Solid").Shape = Part.makeSolid(shape).removeSplitter()
doc.recompute()
