"""Stand-ins for modules that need a window: `PartGui` and others, and Qt's widgets. Made when a script imports them."""

import importlib.machinery
import sys
import types

import Import
import Mesh
import Part

from . import colours, process, step_colours, widgets
from .null_object import NULL

# Modules of Qt that are used as they are, if installed. The others contain widgets, and creating a widget without a
# QApplication aborts the process.
REAL_QT = {
    "PySide": {"QtCore"},
    "PySide2": {"QtCore", "QtGui", "QtNetwork", "QtXml", "QtSql", "QtConcurrent"},
}
FREECAD = {
    "PartGui", "PartDesignGui", "SketcherGui", "ImportGui", "MeshGui", "MeshPartGui", "SpreadsheetGui", "TechDrawGui",
}  # fmt: skip

# FreeCAD's module that hides and shows objects while a sketch is edited. Recorded macros call it; it needs a window.
SHOW = "Show"


def install():
    sys.meta_path.insert(0, Finder())
    # The process may have loaded the real ones already.
    for name in ("PySide.QtGui", "PySide2.QtWidgets"):
        if name in sys.modules:
            package, _, attribute = name.partition(".")
            sys.modules[name] = make_module(name)
            setattr(sys.modules[package], attribute, sys.modules[name])


class Finder:
    """Finder and loader of the stand-ins, before Python's own. (Importing the base classes for it takes 6 ms.)"""

    def find_spec(self, name, path=None, target=None):
        package, _, module = name.partition(".")
        if package.endswith("Gui") and not module:
            return importlib.machinery.ModuleSpec(name, self) if is_freecad_gui(name) else None
        if package not in ("PySide", "PySide2", "pivy", SHOW):
            return None
        is_widgets = package in REAL_QT and module.startswith("Qt") and module not in REAL_QT[package]
        if not is_widgets and package != SHOW and importlib.machinery.PathFinder.find_spec(name, path):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=not module)

    def create_module(self, spec):
        return make_module(spec.name)

    def exec_module(self, module):
        pass


def is_freecad_gui(name):
    """True for FreeCAD's compiled modules, which load the window. A Python file of that name is the script's own."""
    spec = importlib.machinery.PathFinder.find_spec(name)
    return name in FREECAD if spec is None else (spec.origin or "").endswith(".so")


def make_module(name):
    if name == "ImportGui":
        return ImportGui(name)
    return widgets.QtModule(name) if name.startswith("PySide") else GuiModule(name)


class GuiModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return NULL


class ImportGui(GuiModule):
    """The window's STEP import and export."""

    def export(self, objects, path, *rest, **more):
        export(objects, path)

    def open(self, path, *rest, **more):
        return Import.open(path)

    def insert(self, path, document, *rest, **more):
        return Import.insert(path, document)


def export(objects, path):
    """Writes objects with the module for the file's extension."""
    extension = path.rpartition(".")[2].lower()
    process.flush()
    with process.quiet_stdout():
        write(extension, objects, path)


def write(extension, objects, path):
    if extension in ("brep", "brp"):
        Part.export(objects, path)
    elif extension in ("step", "stp", "iges", "igs"):
        # FreeCAD drops the placement of a single object unless asked to keep it.
        Import.export(objects, path, keepPlacement=True)
        if extension in ("step", "stp") and (coloured := colours.by_label(objects)):
            step_colours.add(path, coloured)
    else:
        Mesh.export(objects, path)
