# A mesh that approximates a sphere; its volume is the mesh's, not the sphere's.
import FreeCAD as App
import Mesh

doc = App.newDocument("Ball")
mesh = Mesh.createSphere(10, 50)
doc.addObject("Mesh::Feature", "Ball").Mesh = mesh
doc.recompute()
print("facets", mesh.CountFacets)
