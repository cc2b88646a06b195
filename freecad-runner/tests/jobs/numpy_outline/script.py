# An outline computed with numpy, extruded.
import FreeCAD as App
import numpy as np
import Part
from FreeCAD import Vector

angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
radii = 20 + 3 * np.cos(6 * angles)
points = np.column_stack((radii * np.cos(angles), radii * np.sin(angles), np.zeros_like(angles)))
print("shape", points.shape, "sum", round(float(np.linalg.norm(points, axis=1).sum()), 3))
corners = [Vector(*map(float, point)) for point in points]
doc = App.newDocument("Star")
doc.addObject("Part::Feature", "Star").Shape = Part.Face(Part.makePolygon(corners + corners[:1])).extrude(Vector(0, 0, 4))
doc.recompute()
