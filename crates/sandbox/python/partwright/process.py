"""Sets up a job's own process: descriptors, output streams, signals."""

import contextlib
import ctypes
import faulthandler
import fcntl
import os
import signal
import sys

import FreeCAD

FATAL = (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS, signal.SIGILL)

_libc = ctypes.CDLL(None)
_progress = FreeCAD.Base.ProgressIndicator()


def move_up(descriptor):
    """Moves a pipe to a high number, closed on exec, so that a script's first `open` gets 3."""
    # Below every limit on open files that a job may have.
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 200)
    os.close(descriptor)
    return high


def set_up():
    """Prepares streams and signals for the script."""
    with quiet_stdout():  # FreeCAD's banner is still in C's buffer.
        # Progress bars flood the log with tabs. Only the outermost one draws, so one that never ends silences all.
        _progress.start("", 0)
    # Line by line, so that text printed before a crash or a timeout is in the log.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    _libc.setvbuf(ctypes.c_void_p.in_dll(_libc, "stdout"), None, 1, 0)  # 1 is _IOLBF.
    # FreeCAD's handler turns a crash into `exit(1)`. faulthandler prints the Python stack, restores the handler that
    # it found, which must therefore be the default one, and raises the signal again.
    for number in FATAL:
        signal.signal(number, signal.SIG_DFL)
    faulthandler.enable(2)


def flush():
    """Flushes the streams of Python, those that the script put in their place, and those of C."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except Exception:  # None, closed, or any other object that the script assigned.
            pass
    _libc.fflush(None)


def reopen_standard_streams():
    """Opens /dev/null as 0, 1 and 2 if the script closed them: a model's file must not get such a number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)


@contextlib.contextmanager
def quiet_stdout():
    """Discards text printed inside the block, and text still in a buffer: call `flush` first to keep that.

    OCCT prints a page of statistics for each STEP file, and has no option against it.
    """
    kept = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    try:
        yield
    finally:
        flush()
        os.dup2(kept, 1)
        os.close(kept)
