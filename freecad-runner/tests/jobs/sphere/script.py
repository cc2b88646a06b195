# A sphere; its bounding box is that of the sphere, not of its control points.
import FreeCAD as App

doc = App.newDocument("Ball")
ball = doc.addObject("Part::Sphere", "Ball")
ball.Radius = 8
ball.Placement.Base = App.Vector(1, 2, 3)
doc.recompute()
