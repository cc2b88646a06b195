# The common volume of a box and a sphere: an eighth of the sphere.
import FreeCAD as App

doc = App.newDocument("Common")
box = doc.addObject("Part::Box", "Box")
ball = doc.addObject("Part::Sphere", "Ball")
ball.Radius = 8
common = doc.addObject("Part::Common", "Eighth")
common.Base, common.Tool = box, ball
doc.recompute()
