# Only a mesh: no exact shape, so no STEP.
import FreeCAD as App
import Mesh

doc = App.newDocument("Mesh")
feature = doc.addObject("Mesh::Feature", "Brick")
feature.Mesh = Mesh.createBox(10, 20, 30)
feature.Placement.Base = App.Vector(100, 0, 0)
doc.recompute()
