# The desktop program's document and view.
import FreeCAD as App
import FreeCADGui as Gui

doc = App.newDocument("View")
cylinder = doc.addObject("Part::Cylinder", "Cylinder")
doc.recompute()
Gui.ActiveDocument.getObject("Cylinder").ShapeColor = (0.0, 0.5, 1.0)
Gui.getDocument(doc.Name).getObject("Cylinder").DisplayMode = "Shaded"
Gui.activeDocument().activeView().viewIsometric()
Gui.SendMsgToActiveView("ViewFit")
Gui.Selection.clearSelection()
Gui.Selection.addSelection(cylinder)
Gui.updateGui()
