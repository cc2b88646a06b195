# Nothing is recomputed by the script, and no view is touched.
import FreeCAD as App

doc = App.newDocument("Lazy")
block, drill = doc.addObject("Part::Box", "Block"), doc.addObject("Part::Cylinder", "Drill")
drill.Radius = 2
drill.Placement.Base = App.Vector(5, 5, 0)
cut = doc.addObject("Part::Cut", "Cut")
cut.Base, cut.Tool = block, drill
