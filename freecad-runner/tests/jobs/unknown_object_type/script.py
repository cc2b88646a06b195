# A type that FreeCAD does not have.
import FreeCAD as App

App.newDocument("Demo").addObject("Part::Cube", "Cube")
