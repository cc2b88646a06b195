# Dimensions by expressions from a spreadsheet with aliases.
import FreeCAD as App

doc = App.newDocument("Sheet")
sheet = doc.addObject("Spreadsheet::Sheet", "Sizes")
for row, (alias, value) in enumerate((("length", "40 mm"), ("wall", "=length / 10"), ("height", "=wall * 3 + 1 mm")), 1):
    sheet.set(f"A{row}", alias)
    sheet.set(f"B{row}", value)
    sheet.setAlias(f"B{row}", alias)
doc.recompute()
box = doc.addObject("Part::Box", "Box")
box.setExpression("Length", "Sizes.length")
box.setExpression("Width", "Sizes.wall * 5")
box.setExpression("Height", "Sizes.height")
doc.recompute()
sheet.set("B1", "50 mm")
doc.recompute()
print("height", box.Height)
