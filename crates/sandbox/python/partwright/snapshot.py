"""Puts the interpreter back as it was: scripts replace `open`, `sys.stdout`, a module, a locale, and mean no harm."""

import _locale
import os
import signal
import sys


class Snapshot:
    """Remembers what the exporter and FreeCAD's own Python code rest on.

    A fork server takes it once for all its children: looking at every name costs a child a millisecond.
    """

    # Modules whose attributes scripts have been seen to replace, or on which the exporter depends.
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
            saved.pop("ActiveDocument", None)  # FreeCAD keeps it in its module, and it has changed for good reason.
        self._recursion_limit = sys.getrecursionlimit()
        self._modules_update = sys.modules.update
        self._change_directory = os.chdir

    def note_process(self):
        """Remembers what a job has of its own: to be called in the job's process, before the script."""
        self._directory = os.getcwd()
        self._umask = os.umask(0o022)
        os.umask(self._umask)

    def restore(self):
        # First of all the names that this function itself uses.
        for contents, saved in self._contents:
            contents.update(saved)
        self._modules_update(self._modules)
        sys.setrecursionlimit(self._recursion_limit)
        os.umask(self._umask)
        # The script's may be gone by now, and FreeCAD asks for it when it saves.
        self._change_directory(self._directory)
        # An alarm that the script set for itself must not end the export.
        signal.setitimer(signal.ITIMER_REAL, 0)
        # With another locale C++ writes decimal commas into STEP and OBJ.
        _locale.setlocale(_locale.LC_NUMERIC, "C")
