# Saves a document, closes it, and goes on with the file.
import FreeCAD as App

doc = App.newDocument("First")
doc.addObject("Part::Box", "Box").Length = 15
doc.recompute()
doc.saveAs("first.FCStd")
App.closeDocument(doc.Name)
doc = App.openDocument("first.FCStd")
doc.Box.Width = 2
doc.recompute()
