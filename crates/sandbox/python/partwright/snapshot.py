"""Restores the interpreter's state: well-meant scripts replace `open`, `sys.stdout`, a module or the locale."""

import _locale
import os
import signal
import sys


class Snapshot:
    """Keeps the names that the exporter and FreeCAD's own Python code depend on.

    The fork server takes it once for all its children: copying every name takes a millisecond.
    """

    # Modules whose attributes scripts were seen to replace, or that the exporter depends on.
    PATCHED = (
        "builtins", "sys", "os", "os.path", "io", "json", "json.encoder", "math", "re", "shutil", "stat", "struct",
        "tempfile", "time", "traceback", "linecache", "zipfile", "FreeCAD", "Part", "Mesh", "MeshPart", "Import",
    )  # fmt: skip

    def __init__(self):
        self._modules = {name: module for name, module in sys.modules.items() if name != "__main__"}
        self._contents = [
            (vars(self._modules[name]), dict(vars(self._modules[name])))
            for name in self.PATCHED
            if name in self._modules
        ]
        for _, saved in self._contents:
            saved.pop("ActiveDocument", None)  # FreeCAD keeps its current document there; the script may change it.
        self._recursion_limit = sys.getrecursionlimit()
        self._modules_update = sys.modules.update
        self._change_directory = os.chdir

    def save_process_state(self):
        """Keeps the directory and the umask. Call this in the job's process, before the script."""
        self._directory = os.getcwd()
        self._umask = os.umask(0o022)
        os.umask(self._umask)

    def restore(self):
        # First of all: this function itself uses these names.
        for contents, saved in self._contents:
            contents.update(saved)
        self._modules_update(self._modules)
        sys.setrecursionlimit(self._recursion_limit)
        os.umask(self._umask)
        # FreeCAD asks for the current directory when it saves, and the script's may not exist any more.
        self._change_directory(self._directory)
        # An alarm that the script set for itself must not end the export.
        signal.setitimer(signal.ITIMER_REAL, 0)
        # In some locales C++ writes decimal commas into STEP and OBJ.
        _locale.setlocale(_locale.LC_NUMERIC, "C")
