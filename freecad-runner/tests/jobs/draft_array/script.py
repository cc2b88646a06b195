# A rectangular Draft array of a box: three by two.
import Draft
import FreeCAD as App
from FreeCAD import Vector

doc = App.newDocument("Array")
box = doc.addObject("Part::Box", "Box")
box.Length = box.Width = box.Height = 4
array = Draft.make_ortho_array(box, v_x=Vector(10, 0, 0), v_y=Vector(0, 10, 0), n_x=3, n_y=2, n_z=1, use_link=False)
doc.recompute()
