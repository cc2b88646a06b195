# Only a sketch: the wires are the model, and there is nothing to mesh.
import FreeCAD as App
import Part
from FreeCAD import Vector

doc = App.newDocument("Outline")
sketch = doc.addObject("Sketcher::SketchObject", "Outline")
sketch.addGeometry(Part.Circle(Vector(0, 0), Vector(0, 0, 1), 12))
doc.recompute()
