"""A stand-in for FreeCADGui: scripts written for the window run without one. `App.GuiUp` stays 0."""

import sys
import types

import FreeCAD

from . import copy_object_patch, gui_modules
from .null_object import NULL, NullObject, log_once
from .recorder import view_object
from .selection import Selection


def install():
    """Call this before the script runs: FreeCAD asks FreeCADGui only if that module is already loaded."""
    sys.modules["FreeCADGui"] = FreeCAD.Gui = GUI
    gui_modules.install()
    copy_object_patch.install()


def names():
    """The names that FreeCAD's console gives to macros; recorded macros do not import them."""
    return {"FreeCAD": FreeCAD, "App": FreeCAD, "FreeCADGui": GUI, "Gui": GUI}


class View(NullObject):
    """A 3D view without a picture. It keeps the active Body and Part."""

    def __init__(self):
        self._active = {}

    def setActiveObject(self, role, obj=None, *rest):
        self._active[role] = obj

    def getActiveObject(self, role, *rest):
        return self._active.get(role)

    def saveImage(self, path="", *rest, **more):
        log_once(f"There is no window: saveImage({path!r}) writes nothing. The runner makes a picture of the model.")

    def getCamera(self):
        return "OrthographicCamera {\n}\n"

    def getCameraType(self):
        return "Orthographic"

    def getCameraOrientation(self):
        return FreeCAD.Rotation()

    def getViewDirection(self):
        return FreeCAD.Vector(0, 0, -1)

    def getSize(self):
        return 800, 600


class GuiDocument(NullObject):
    """The window's side of one document."""

    def __init__(self, document):
        self.Document = document
        self.ActiveView = View()
        self.Modified = False

    def __getattr__(self, name):
        """Objects are attributes by name: `Gui.ActiveDocument.Box`."""
        found = None if name.startswith("__") else self.getObject(name)
        return super().__getattr__(name) if found is None else found

    @property
    def ActiveObject(self):
        obj = self.Document.ActiveObject
        return None if obj is None else view_object(obj)

    def getObject(self, name):
        obj = self.Document.getObject(name)
        return None if obj is None else view_object(obj)

    def activeView(self):
        return self.ActiveView

    def mdiViewsOfType(self, name):
        return [self.ActiveView]

    def getInEdit(self):
        return None

    def show(self, name):
        self.getObject(name).show()

    def hide(self, name):
        self.getObject(name).hide()

    def save(self):
        self.Document.save()

    def saveAs(self, path):
        self.Document.saveAs(path)

    def __bool__(self):
        return True


_documents = {}


def gui_document(document):
    found = _documents.get(document.Uid)
    if found is None or found.Document is not document:
        found = _documents[document.Uid] = GuiDocument(document)
    return found


class Workbench:
    """The base class for workbenches that a script defines."""

    def Initialize(self):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return NULL


class Gui(types.ModuleType):
    """The module FreeCADGui. Names that are not defined below do nothing."""

    Workbench = Workbench
    Selection = Selection()

    @property
    def ActiveDocument(self):
        return gui_document(FreeCAD.ActiveDocument) if FreeCAD.ActiveDocument else None

    @ActiveDocument.setter
    def ActiveDocument(self, document):
        self.setActiveDocument(document)

    @property
    def ActiveView(self):
        return self.activeView()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return NULL

    def getDocument(self, document):
        if isinstance(document, str):
            document = FreeCAD.getDocument(document)
        return document if isinstance(document, GuiDocument) else gui_document(document)

    def activeDocument(self):
        return self.ActiveDocument

    def setActiveDocument(self, document):
        """Accepts a name, a document or its window side; recorded macros set None after closing a document."""
        if isinstance(document, GuiDocument):
            document = document.Document
        if not document:
            FreeCAD.ActiveDocument = None  # FreeCAD's setActiveDocument does not reset it.
        FreeCAD.setActiveDocument(document if isinstance(document, str) else document.Name if document else "")

    def activeView(self, *args):
        document = self.ActiveDocument
        return document.ActiveView if document else None

    def hideObject(self, obj):
        obj.Visibility = False

    def showObject(self, obj):
        obj.Visibility = True

    def runCommand(self, name, *rest):
        if not name.startswith(("Std_", "Draft_ToggleGrid")):
            log_once(f"There is no window: Gui.runCommand({name!r}) does nothing.")

    def doCommand(self, text):
        exec(text, vars(sys.modules["__main__"]))

    doCommandGui = doCommand

    def export(self, objects, path, *rest):
        gui_modules.export(objects, path)

    def listWorkbenches(self):
        return {}

    def listCommands(self):
        return []


GUI = Gui("FreeCADGui", "A stand-in for FreeCAD's window: it keeps colours and does nothing else.")
# Also as plain names, for `from FreeCADGui import *`.
vars(GUI).update((name, getattr(GUI, name)) for name, value in vars(Gui).items() if callable(value) and name[0] != "_")
