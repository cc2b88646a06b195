# Put before every hostile script by the test (tests/engine/hostile.rs): a model to be left in peace, and a tally of
# what was refused. A script says "LEAK" for whatever it got that it must not get.
import ctypes
import errno
import os

import FreeCAD as App

App.newDocument("Demo").addObject("Part::Box", "Box")
OUTPUT = os.environ["FREECAD_OUTPUT"]
_libc = ctypes.CDLL(None, use_errno=True)


def attempt(what, action, *arguments):
    """Prints `refused: what: EPERM` or `LEAK: what: result`."""
    try:
        result = action(*arguments)
    except OSError as error:
        print(f"refused: {what}: {errno.errorcode.get(error.errno, error.errno)}", flush=True)
        return None
    print(f"LEAK: {what}: {result!r:.200}", flush=True)
    return result


def attempt_change(what, path, action, *arguments):
    """As `attempt`, on a file's mode or times: what is told to have worked and has changed nothing is refused too."""
    before = os.stat(path)
    try:
        action(path, *arguments)
    except OSError as error:
        print(f"refused: {what}: {errno.errorcode.get(error.errno, error.errno)}", flush=True)
        return
    after = os.stat(path)
    same = (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    print(f"refused: {what}: no effect" if same else f"LEAK: {what}: {path}", flush=True)


def syscall(number, *arguments):
    """A raw system call; raises OSError as Python's own calls do."""
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = _libc.syscall(ctypes.c_long(number), *wide)
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


