# A sketch that is not closed cannot be padded.
import FreeCAD as App
import Part
from FreeCAD import Vector

doc = App.newDocument("Open")
body = doc.addObject("PartDesign::Body", "Body")
sketch = body.newObject("Sketcher::SketchObject", "Sketch")
sketch.addGeometry(Part.LineSegment(Vector(0, 0), Vector(10, 0)))
sketch.addGeometry(Part.LineSegment(Vector(10, 0), Vector(10, 10)))
pad = body.newObject("PartDesign::Pad", "Pad")
pad.Profile, pad.Length = sketch, 5
doc.recompute()
