"""Stand-ins for Qt's widgets: message boxes go to the log and are answered, dialogs keep their defaults.

A real widget would abort the process, and a real message box would wait for somebody to press a button.
"""

import importlib
import types

from .widget_values import WidgetValues
from .null_object import NULL, NullObject, log_once


class WidgetType(type):
    """Gives a class any constant and static method that a script asks for: `QSizePolicy.Expanding`."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return NULL


class Widget(WidgetValues, NullObject, metaclass=WidgetType):
    """Any widget. Scripts derive from it, and read back the values they set."""

    def __init__(self, *args, **named):
        self._set_initial(args, named)

    def __bool__(self):
        return True


class MessageBox(Widget):
    """A box with a Yes button is answered with Yes, any other with OK."""

    Ok, Save, Yes, No, Abort, Retry, Ignore = 0x400, 0x800, 0x4000, 0x10000, 0x40000, 0x80000, 0x100000
    Cancel, Close, Discard, Apply, Reset, NoButton = 0x400000, 0x200000, 0x800000, 0x2000000, 0x4000000, 0
    NoIcon, Information, Warning, Critical, Question, AcceptRole, RejectRole = 0, 1, 2, 3, 4, 0, 1

    def __init__(self, icon=None, title="", text="", *rest, **named):
        super().__init__(text, **named)
        self._buttons = 0

    def setStandardButtons(self, buttons):
        self._buttons = buttons

    def exec_(self, *args):
        log_once(self.text())
        return self.Yes if self._buttons & self.Yes else self.Ok

    exec = exec_

    @classmethod
    def information(cls, parent=None, title="", text="", buttons=Ok, *rest):
        log_once(f"{title}: {text}")
        return cls.Yes if isinstance(buttons, int) and buttons & cls.Yes else cls.Ok

    warning = critical = about = information

    @classmethod
    def question(cls, parent=None, title="", text="", buttons=Yes, *rest):
        return cls.information(parent, title, text, buttons)


class InputDialog(Widget):
    """Answers with the initial value of the field."""

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


class FileDialog(Widget):
    """Answers that the dialog was cancelled: no file was chosen."""

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
    """Closed without an answer; its fields keep their values."""

    Rejected, Accepted = 0, 1

    def exec_(self, *args):
        log_once("There is no window: a dialog was closed without an answer. Its fields keep their values.")
        return self.Rejected

    exec = exec_


class Translator(Widget):
    """QCoreApplication, for QtCore without an installed Qt."""

    @staticmethod
    def translate(context, text, *rest):
        return text


# For `from PySide.QtGui import *`. Any other name is made when a script asks for it.
OTHER_NAMES = """
    QAbstractItemView QAction QApplication QButtonGroup QCheckBox QComboBox QDesktopWidget
    QDialogButtonBox QDockWidget QDoubleSpinBox QFormLayout QFrame QGridLayout QGroupBox QHBoxLayout
    QHeaderView QLabel QLineEdit QListWidget QListWidgetItem QMainWindow QMenu QPlainTextEdit
    QProgressBar QProgressDialog QPushButton QRadioButton QScrollArea QSizePolicy QSlider QSpacerItem
    QSpinBox QSplitter QStyle QTabWidget QTableWidget QTableWidgetItem QTextBrowser QTextEdit QToolBar
    QToolButton QTreeWidget QTreeWidgetItem QVBoxLayout QWidget
""".split()
STAND_INS = {"QMessageBox": MessageBox, "QInputDialog": InputDialog, "QFileDialog": FileDialog, "QDialog": Dialog}
QT_CORE = {"QT_TRANSLATE_NOOP": lambda context, text: text, "QCoreApplication": Translator}


class QtModule(types.ModuleType):
    """PySide2.QtWidgets, or PySide.QtGui, which combines it with the real PySide2.QtGui."""

    def __init__(self, name):
        super().__init__(name)
        self.__all__ = [*QT_CORE] if name.endswith("QtCore") else [*STAND_INS, *OTHER_NAMES]

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = STAND_INS.get(name)
        if found is None and name not in OTHER_NAMES and self.__name__ == "PySide.QtGui":
            found = real_attribute("PySide2.QtGui", name)
        if found is None and self.__name__.endswith("QtCore"):
            found = QT_CORE.get(name)
        if found is None:
            found = WidgetType(name, (Widget,), {})
        setattr(self, name, found)
        return found


def real_attribute(module, name):
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
