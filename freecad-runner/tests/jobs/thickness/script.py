# A hollow box without a lid.
import FreeCAD as App

doc = App.newDocument("Tray")
block = doc.addObject("Part::Box", "Block")
block.Length = block.Width = block.Height = 20
doc.recompute()
top = max(range(6), key=lambda n: block.Shape.Faces[n].CenterOfMass.z)
tray = doc.addObject("Part::Thickness", "Tray")
tray.Faces = (block, [f"Face{top + 1}"])
tray.Value = -2
tray.Join = 2
doc.recompute()
