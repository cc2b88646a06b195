# A dialog that nobody can answer does not stop the model.
import FreeCAD as App
from PySide2 import QtWidgets

App.newDocument("Demo").addObject("Part::Box", "Box")
QtWidgets.QMessageBox.information(None, "Done", "The model is ready")
