"""What a job does to its own process: descriptors, output streams, signals."""

import contextlib
import ctypes
import faulthandler
import fcntl
import json
import os
import resource
import signal
import sys

import FreeCAD

EVENT_PIPE = 3
FATAL = (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS, signal.SIGILL)

_libc = ctypes.CDLL(None)
_progress = FreeCAD.Base.ProgressIndicator()


def read_spec():
    """The one JSON object on fd 0; fd 0 is /dev/null afterwards."""
    parts = []
    while part := os.read(0, 65536):
        parts.append(part)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return json.loads(b"".join(parts))


def take_event_pipe():
    """Moves fd 3 out of the way: a script's first `open` gets 3, and a child process inherits nothing."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    fd = fcntl.fcntl(EVENT_PIPE, fcntl.F_DUPFD_CLOEXEC, min(limit, 1024) - 8)
    os.close(EVENT_PIPE)
    return fd


def move_up(descriptor):
    """The same pipe on a high number, closed on exec: a script's first `open` gets 3."""
    # Below every limit of open files that a job is given.
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 200)
    os.close(descriptor)
    return high


def settle():
    """Readies streams and signals for the script."""
    with quiet_stdout():  # FreeCAD's banner is still in C's buffer.
        # Bars flood the log with tabs. Only the outermost indicator draws, so one that never ends silences all.
        _progress.start("", 0)
    # A line at a time, so that what was printed before a crash or a timeout is in the log.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    _libc.setvbuf(ctypes.c_void_p.in_dll(_libc, "stdout"), None, 1, 0)  # 1 is _IOLBF.
    # FreeCAD's handler turns a crash into `exit(1)`. faulthandler prints where Python stood, puts back what
    # it found, which must therefore be the default, and raises the signal again.
    for number in FATAL:
        signal.signal(number, signal.SIG_DFL)
    faulthandler.enable(2)


def flush():
    """Empties the buffers of Python, of the script's own stand-ins for them, and of C."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except Exception:  # None, closed, or anything else that a script may have put there.
            pass
    _libc.fflush(None)


def fill_gaps():
    """Puts /dev/null on 0, 1 and 2 where the script has closed them: a model's file must not get such a number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)


@contextlib.contextmanager
def quiet_stdout():
    """Drops what is printed meanwhile, and what is still in a buffer: call `flush` first to keep that.

    OCCT writes a page of statistics for each STEP file, and has no switch.
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
