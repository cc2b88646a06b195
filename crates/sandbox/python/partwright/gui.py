"""A stand-in for FreeCADGui, so that scripts written for the window run without one. `App.GuiUp` stays 0."""

import sys
import types

import FreeCAD

from . import copies, modules
from .nothing import NOTHING, Nothing, say
from .recorder import view_object
from .selection import Selection


def install():
    """To be called before the script runs: FreeCAD asks a module that is loaded already, and loads none."""
    sys.modules["FreeCADGui"] = FreeCAD.Gui = GUI
    modules.install()
    copies.install()


def names():
    """What FreeCAD's own console and macros find in their namespace; recorded macros import none of it."""
    return {"FreeCAD": FreeCAD, "App": FreeCAD, "FreeCADGui": GUI, "Gui": GUI}


class View(Nothing):
    """A 3D view that shows nothing, and knows which Body and Part are being worked on."""

    def __init__(self):
        self._active = {}

    def setActiveObject(self, role, thing=None, *rest):
        self._active[role] = thing

    def getActiveObject(self, role, *rest):
        return self._active.get(role)

    def saveImage(self, path="", *rest, **more):
        say(f"There is no window here: saveImage({path!r}) writes nothing. A picture of the model is made anyway.")

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


class GuiDocument(Nothing):
    """What the window knows of one document."""

    def __init__(self, document):
        self.Document = document
        self.ActiveView = View()
        self.Modified = False

    def __getattr__(self, name):
        """The window's document has its objects as attributes too, by name: `Gui.ActiveDocument.Box`."""
        found = None if name.startswith("__") else self.getObject(name)
        return super().__getattr__(name) if found is None else found

    @property
    def ActiveObject(self):
        thing = self.Document.ActiveObject
        return None if thing is None else view_object(thing)

    def getObject(self, name):
        thing = self.Document.getObject(name)
        return None if thing is None else view_object(thing)

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
    """A base for the workbenches that a script defines."""

    def Initialize(self):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return NOTHING


class Gui(types.ModuleType):
    """The module; what it does not have below does nothing."""

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
        return NOTHING

    def getDocument(self, document):
        if isinstance(document, str):
            document = FreeCAD.getDocument(document)
        return document if isinstance(document, GuiDocument) else gui_document(document)

    def activeDocument(self):
        return self.ActiveDocument

    def setActiveDocument(self, document):
        """By name, or either side of a document; recorded macros set None after closing one."""
        if isinstance(document, GuiDocument):
            document = document.Document
        if not document:
            FreeCAD.ActiveDocument = None  # FreeCAD forgets to.
        FreeCAD.setActiveDocument(document if isinstance(document, str) else document.Name if document else "")

    def activeView(self, *args):
        document = self.ActiveDocument
        return document.ActiveView if document else None

    def hideObject(self, thing):
        thing.Visibility = False

    def showObject(self, thing):
        thing.Visibility = True

    def runCommand(self, name, *rest):
        if not name.startswith(("Std_", "Draft_ToggleGrid")):
            say(f"There is no window here: Gui.runCommand({name!r}) does nothing.")

    def doCommand(self, text):
        exec(text, vars(sys.modules["__main__"]))

    doCommandGui = doCommand

    def export(self, objects, path, *rest):
        modules.export(objects, path)

    def listWorkbenches(self):
        return {}

    def listCommands(self):
        return []


GUI = Gui("FreeCADGui", "The window's side of FreeCAD; without a window it remembers colours and does nothing else.")
# Also as plain names, for `from FreeCADGui import *`.
vars(GUI).update((name, getattr(GUI, name)) for name, value in vars(Gui).items() if callable(value) and name[0] != "_")
