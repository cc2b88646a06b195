"""Recognises a failure to write to a place that is not the job's, of which scripts written for a desk are full."""

import linecache
import os
import re
import traceback

ADVICE = "Write to os.environ['FREECAD_OUTPUT'], or leave exporting out: it is done for you."
# A file that is missing when it is to be read is another matter.
WRITES = re.compile(r"writ|save|export|mkdir|makedirs|copy|move|rename|replace|touch|dump|['\"][wax]b?\+?['\"]", re.I)
LITERAL = re.compile(r"(['\"])(.*?)\1")
NAME = re.compile(r"[A-Za-z_]\w*")
# On a drive of another system, or in a home that nothing has looked up.
ELSEWHERE = re.compile(r"[A-Za-z]:[\\/]|~")


def advice(exception, display_name, directories):
    """What to add to the message, or None; `directories` are those that a job writes to."""
    if not isinstance(exception, (OSError, RuntimeError)):
        return None
    frames = list(zip(traceback.walk_tb(exception.__traceback__), traceback.extract_tb(exception.__traceback__)))
    lines = [asked(summary) for _, summary in frames]
    if not any(map(WRITES.search, lines)):
        return None
    paths = [getattr(exception, name, None) for name in ("filename", "filename2")]
    named = any(paths)
    if not named:
        # C++ seldom says where to; the script's line does.
        for ((frame, _), summary), line in zip(reversed(frames), reversed(lines)):
            if summary.filename == display_name:
                paths += mentioned(line, frame)
    path = next((path for path in paths if isinstance(path, str) and is_outside(path, directories)), None)
    if path is None:
        return None
    return ADVICE if named else f"'{path}' is no place to write to. {ADVICE}"


def asked(summary):
    """The source of the call, which may go over several lines."""
    last = getattr(summary, "end_lineno", None) or summary.lineno
    return "".join(linecache.getline(summary.filename, number) for number in range(summary.lineno, last + 1))


def mentioned(line, frame):
    """Paths that a line spells out, or knows by a name."""
    for found in LITERAL.finditer(line):
        # Behind a plus it is the rest of a path.
        if ("/" in found[2] or "\\" in found[2]) and not line[: found.start()].rstrip().endswith("+"):
            yield found[2]
    for name in NAME.findall(line):
        value = frame.f_locals.get(name, frame.f_globals.get(name))
        if isinstance(value, (str, os.PathLike)):
            yield os.fspath(value)


def is_outside(path, directories):
    if ELSEWHERE.match(path):
        return True
    path = os.path.realpath(path)
    return not any(path == place or path.startswith(place + "/") for place in map(os.path.realpath, directories))
