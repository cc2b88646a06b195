# One App::Link with an element count and a placement for each.
import FreeCAD as App
from FreeCAD import Placement, Rotation, Vector

doc = App.newDocument("Row")
post = doc.addObject("Part::Box", "Post")
post.Length = post.Width = 2
post.Visibility = False
row = doc.addObject("App::Link", "Row")
row.LinkedObject = post
row.ElementCount = 3
row.ShowElement = False
row.PlacementList = [Placement(Vector(6 * n, 0, 0), Rotation()) for n in range(3)]
doc.recompute()
