import FreeCAD as App

doc = App.newDocument("Seven")
plate = doc.addObject("Part::Box", "Plate")
plate.Length, plate.Width, plate.Height = 80, 50, 8
boss = doc.addObject("Part::Cylinder", "Boss")
boss.Radius, boss.Height = 15, 30
boss.Placement.Base = App.Vector(40, 25, 0)
body = doc.addObject("Part::Fuse", "Body")
body.Base, body.Tool = plate, boss
bore = doc.addObject("Part::Cylinder", "Bore")
bore.Radius, bore.Height = 8, 60
bore.Placement.Base = App.Vector(40, 25, -10)
bored = doc.addObject("Part::Cut", "Bored")
bored.Base, bored.Tool = body, bore
doc.recompute()
fillet = doc.addObject("Part::Fillet", "Fillet")
fillet.Base = bored
straight = [i + 1 for i, e in enumerate(bored.Shape.Edges) if e.Length == 8 and e.BoundBox.ZLength == 8]
fillet.Edges = [(edge, 4.0, 4.0) for edge in straight]
ball = doc.addObject("Part::Sphere", "Ball")
ball.Radius = 6
ball.Placement.Base = App.Vector(40, 25, 50)
doc.recompute()
