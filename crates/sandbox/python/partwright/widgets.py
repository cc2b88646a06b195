"""Qt's widgets without a screen: message boxes go to the log and are answered, dialogs keep their defaults.

A real widget would abort the process, and a real message box would wait for somebody to press a button.
"""

import importlib
import types

from .fields import Fields
from .nothing import NOTHING, Nothing, say


class Kind(type):
    """Lets a class's own constants and static methods be anything: `QSizePolicy.Expanding`."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return NOTHING


class Widget(Fields, Nothing, metaclass=Kind):
    """Any widget; scripts derive from it, and read from it what they put into it."""

    def __init__(self, *args, **named):
        self._fill(args, named)

    def __bool__(self):
        return True


class Message(Widget):
    """Every box is answered with Yes or OK, whichever it has."""

    Ok, Save, Yes, No, Abort, Retry, Ignore = 0x400, 0x800, 0x4000, 0x10000, 0x40000, 0x80000, 0x100000
    Cancel, Close, Discard, Apply, Reset, NoButton = 0x400000, 0x200000, 0x800000, 0x2000000, 0x4000000, 0
    NoIcon, Information, Warning, Critical, Question, AcceptRole, RejectRole = 0, 1, 2, 3, 4, 0, 1

    def __init__(self, icon=None, title="", text="", *rest, **named):
        super().__init__(text, **named)
        self._buttons = 0

    def setStandardButtons(self, buttons):
        self._buttons = buttons

    def exec_(self, *args):
        say(self.text())
        return self.Yes if self._buttons & self.Yes else self.Ok

    exec = exec_

    @classmethod
    def information(cls, parent=None, title="", text="", buttons=Ok, *rest):
        say(f"{title}: {text}")
        return cls.Yes if isinstance(buttons, int) and buttons & cls.Yes else cls.Ok

    warning = critical = about = information

    @classmethod
    def question(cls, parent=None, title="", text="", buttons=Yes, *rest):
        return cls.information(parent, title, text, buttons)


class Input(Widget):
    """Answers with what stands in the field."""

    @staticmethod
    def getText(parent=None, title="", label="", echo=0, text="", *rest, **more):
        return text, True

    getMultiLineText = getText

    @staticmethod
    def getInt(parent=None, title="", label="", value=0, *rest, **more):
        return value, True

    getDouble = getInt

    @staticmethod
    def getItem(parent=None, title="", label="", items=(), current=0, *rest, **more):
        return (items[current] if items else ""), True


class File(Widget):
    """Nobody chooses a file."""

    @staticmethod
    def getOpenFileName(*args, **more):
        return "", ""

    getSaveFileName = getOpenFileName

    @staticmethod
    def getOpenFileNames(*args, **more):
        return [], ""

    @staticmethod
    def getExistingDirectory(*args, **more):
        return ""


class Dialog(Widget):
    """Closed without an answer; what a script reads from its fields afterwards is what they were filled with."""

    Rejected, Accepted = 0, 1

    def exec_(self, *args):
        say("There is no window here: a dialog was closed unanswered. Its fields keep what they were filled with.")
        return self.Rejected

    exec = exec_


class Translator(Widget):
    """In QtCore, where Qt is not installed at all."""

    @staticmethod
    def translate(context, text, *rest):
        return text


# For `from PySide.QtGui import *`; any other name is made when it is asked for.
CLASSES = """
    QAbstractItemView QAction QApplication QButtonGroup QCheckBox QComboBox QDesktopWidget
    QDialogButtonBox QDockWidget QDoubleSpinBox QFormLayout QFrame QGridLayout QGroupBox QHBoxLayout
    QHeaderView QLabel QLineEdit QListWidget QListWidgetItem QMainWindow QMenu QPlainTextEdit
    QProgressBar QProgressDialog QPushButton QRadioButton QScrollArea QSizePolicy QSlider QSpacerItem
    QSpinBox QSplitter QStyle QTabWidget QTableWidget QTableWidgetItem QTextBrowser QTextEdit QToolBar
    QToolButton QTreeWidget QTreeWidgetItem QVBoxLayout QWidget
""".split()
KNOWN = {"QMessageBox": Message, "QInputDialog": Input, "QFileDialog": File, "QDialog": Dialog}
TEXTS = {"QT_TRANSLATE_NOOP": lambda context, text: text, "QCoreApplication": Translator}


class Module(types.ModuleType):
    """PySide2.QtWidgets, or PySide.QtGui, which is that and the real PySide2.QtGui in one."""

    def __init__(self, name):
        super().__init__(name)
        self.__all__ = [*TEXTS] if name.endswith("QtCore") else [*KNOWN, *CLASSES]

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = KNOWN.get(name)
        if found is None and name not in CLASSES and self.__name__ == "PySide.QtGui":
            found = real("PySide2.QtGui", name)
        if found is None and self.__name__.endswith("QtCore"):
            found = TEXTS.get(name)
        if found is None:
            found = Kind(name, (Widget,), {})
        setattr(self, name, found)
        return found


def real(module, name):
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
