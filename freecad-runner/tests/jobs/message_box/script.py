# A dialog without an answer does not stop the script.
import FreeCAD as App
from PySide2 import QtWidgets

App.newDocument("Demo").addObject("Part::Box", "Box")
QtWidgets.QMessageBox.information(None, "Done", "The model is ready")
