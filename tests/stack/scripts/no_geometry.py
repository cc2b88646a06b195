import FreeCAD as App

doc = App.newDocument("Empty")
doc.recompute()
print("nothing was made")
