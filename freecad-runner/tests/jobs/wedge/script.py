# A wedge: a frustum with a square base.
import FreeCAD as App

doc = App.newDocument("Wedge")
wedge = doc.addObject("Part::Wedge", "Wedge")
wedge.Xmin, wedge.Xmax, wedge.X2min, wedge.X2max = 0, 10, 2, 8
wedge.Zmin, wedge.Zmax, wedge.Z2min, wedge.Z2max = 0, 10, 2, 8
wedge.Ymin, wedge.Ymax = 0, 10
doc.recompute()
