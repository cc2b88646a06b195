"""Recognises a failed write outside the job's directories, which is common in scripts written for a desktop."""

import linecache
import os
import re
import traceback

ADVICE = "Write to os.environ['FREECAD_OUTPUT'], or leave the export to the runner."
# Only writing: a file that is missing when the script reads it is another error.
WRITES = re.compile(r"writ|save|export|mkdir|makedirs|copy|move|rename|replace|touch|dump|['\"][wax]b?\+?['\"]", re.I)
LITERAL = re.compile(r"(['\"])(.*?)\1")
NAME = re.compile(r"[A-Za-z_]\w*")
# A Windows drive, or a home directory that was not expanded.
ELSEWHERE = re.compile(r"[A-Za-z]:[\\/]|~")


def advice(exception, display_name, directories):
    """Text to append to the message, or None. `directories` are those that a job may write to."""
    if not isinstance(exception, (OSError, RuntimeError)):
        return None
    frames = list(zip(traceback.walk_tb(exception.__traceback__), traceback.extract_tb(exception.__traceback__)))
    lines = [call_source(summary) for _, summary in frames]
    if not any(map(WRITES.search, lines)):
        return None
    paths = [getattr(exception, name, None) for name in ("filename", "filename2")]
    has_path = any(paths)
    if not has_path:
        # C++ exceptions seldom name the path; the script's line does.
        for ((frame, _), summary), line in zip(reversed(frames), reversed(lines)):
            if summary.filename == display_name:
                paths += paths_in(line, frame)
    path = next((path for path in paths if isinstance(path, str) and is_outside(path, directories)), None)
    if path is None:
        return None
    return ADVICE if has_path else f"A job cannot write to '{path}'. {ADVICE}"


def call_source(summary):
    """The source of the call, which may span several lines."""
    last = getattr(summary, "end_lineno", None) or summary.lineno
    return "".join(linecache.getline(summary.filename, number) for number in range(summary.lineno, last + 1))


def paths_in(line, frame):
    """Paths in a line of source: string literals, and values of the names in it."""
    for found in LITERAL.finditer(line):
        # A literal after a plus is the end of a path.
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
