# Labels and output in several scripts; names stay ASCII in FreeCAD, labels do not.
import FreeCAD as App

doc = App.newDocument("Größe")
würfel = doc.addObject("Part::Box", "Würfel")
würfel.Label = "Würfel 立方体 🔩"
doc.recompute()
print("Fläche – площадь – 面积:", round(würfel.Shape.Area), "mm²")
