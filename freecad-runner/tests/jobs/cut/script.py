# A plate with a hole: the operands are not part of the result.
import FreeCAD as App

doc = App.newDocument("Plate")
block = doc.addObject("Part::Box", "Block")
block.Length = block.Width = block.Height = 20
drill = doc.addObject("Part::Cylinder", "Drill")
drill.Radius, drill.Height = 5, 20
drill.Placement.Base = App.Vector(10, 10, 0)
cut = doc.addObject("Part::Cut", "Plate")
cut.Base, cut.Tool = block, drill
doc.recompute()
