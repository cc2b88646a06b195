# A document without an object.
import FreeCAD as App

App.newDocument("Empty").recompute()
