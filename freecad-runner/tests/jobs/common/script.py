# What a box and a sphere share: an eighth of the sphere.
import FreeCAD as App

doc = App.newDocument("Common")
box = doc.addObject("Part::Box", "Box")
ball = doc.addObject("Part::Sphere", "Ball")
ball.Radius = 8
common = doc.addObject("Part::Common", "Eighth")
common.Base, common.Tool = box, ball
doc.recompute()
