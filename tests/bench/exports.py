import os
import Import, Mesh, MeshPart
import FreeCAD as App
_out = os.environ["FREECAD_OUTPUT"]
_doc = App.ActiveDocument
_used = {link for o in _doc.Objects for link in o.OutList}
_results = [o for o in _doc.Objects if o not in _used]
_doc.saveAs(os.path.join(_out, "MyHeadlessModel.FCStd"))
Import.export(_results, os.path.join(_out, "MyHeadlessModel.STEP"))
_mesh = Mesh.Mesh()
for _o in _results:
    _mesh.addMesh(MeshPart.meshFromShape(Shape=_o.Shape, LinearDeflection=0.1, AngularDeflection=0.5))
_mesh.write(os.path.join(_out, "MyHeadlessModel.STL"))
_mesh.write(os.path.join(_out, "MyHeadlessModel.OBJ"))
