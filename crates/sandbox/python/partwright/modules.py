"""Modules that exist only with a window: `PartGui` and its like, and Qt's widgets. Made when a script imports them."""

import importlib.machinery
import sys
import types

import Import
import Mesh
import Part

from . import looks, process, step_colours, widgets
from .nothing import NOTHING

# Widgets abort the process where there is no QApplication, and with them everything that derives from them. The
# rest of Qt is real where it is installed.
REAL_QT = {
    "PySide": {"QtCore"},
    "PySide2": {"QtCore", "QtGui", "QtNetwork", "QtXml", "QtSql", "QtConcurrent"},
}
FREECAD = {
    "PartGui", "PartDesignGui", "SketcherGui", "ImportGui", "MeshGui", "MeshPartGui", "SpreadsheetGui", "TechDrawGui",
}  # fmt: skip


# Hides and shows things while a sketch is edited; recorded macros call it. It is Python, but for the window alone.
SHOW = "Show"


def install():
    sys.meta_path.insert(0, Finder())
    # A host of jobs may have loaded the true ones.
    for name in ("PySide.QtGui", "PySide2.QtWidgets"):
        if name in sys.modules:
            package, _, attribute = name.partition(".")
            sys.modules[name] = made(name)
            setattr(sys.modules[package], attribute, sys.modules[name])


class Finder:
    """Comes before Python's own, and loads what it finds. (The base classes for this take 6 ms to import.)"""

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
        return made(spec.name)

    def exec_module(self, module):
        pass


def is_freecad_gui(name):
    """True for FreeCAD's compiled ones, which load the whole window; Python files of that name are the script's."""
    spec = importlib.machinery.PathFinder.find_spec(name)
    return name in FREECAD if spec is None else (spec.origin or "").endswith(".so")


def made(name):
    if name == "ImportGui":
        return ImportGui(name)
    return widgets.Module(name) if name.startswith("PySide") else Module(name)


class Module(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return NOTHING


class ImportGui(Module):
    """The window's STEP import and export."""

    def export(self, objects, path, *rest, **more):
        export(objects, path)

    def open(self, path, *rest, **more):
        return Import.open(path)

    def insert(self, path, document, *rest, **more):
        return Import.insert(path, document)


def export(objects, path):
    """Writes objects by the module that knows the file's extension."""
    extension = path.rpartition(".")[2].lower()
    process.flush()
    with process.quiet_stdout():
        write(extension, objects, path)


def write(extension, objects, path):
    if extension in ("brep", "brp"):
        Part.export(objects, path)
    elif extension in ("step", "stp", "iges", "igs"):
        # FreeCAD drops the placement of a sole object unless asked to keep it.
        Import.export(objects, path, keepPlacement=True)
        if extension in ("step", "stp") and (coloured := looks.by_label(objects)):
            step_colours.add(path, coloured)
    else:
        Mesh.export(objects, path)
