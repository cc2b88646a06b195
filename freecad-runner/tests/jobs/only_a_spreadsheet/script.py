# A document with numbers in it, and an empty assembly.
import FreeCAD as App

doc = App.newDocument("Numbers")
doc.addObject("Spreadsheet::Sheet", "Sheet").set("A1", "=1+1")
doc.addObject("App::Part", "Assembly")
doc.recompute()
