"""The event pipe: JSON lines to the runner. The last line is the result, written exactly once."""

import contextlib
import json
import math
import os
import time

# The longest text in characters: the runner reads whole lines into memory.
LONGEST_TEXT = 32_000

# Bound before the script runs, which may replace these names in their modules.
_encode = json.JSONEncoder(allow_nan=False).encode
_write = os.write
_isfinite = math.isfinite


class Report:
    """Sends the job's events, on a descriptor that the script does not know."""

    def __init__(self, fd, started):
        self.started = started
        self._fd = fd
        self._ended = False

    def phase(self, name):
        self._line({"event": "phase", "phase": name})

    def result(self, result):
        if not self._ended:
            self._ended = True
            self._line({"event": "result", **result})

    def jail_failed(self, error):
        """Reports a fault of the runner, not of the script; `error.filename` is the step."""
        self._line({"event": "jail_failed", "step": error.filename, "reason": error.strerror})

    def _line(self, event):
        rest = (_encode(sendable(event)) + "\n").encode("ascii")
        while rest:
            rest = rest[_write(self._fd, rest):]


class Timings(dict):
    """Milliseconds by activity; an activity that is measured twice adds up."""

    @contextlib.contextmanager
    def measure(self, name):
        started = time.perf_counter()
        try:
            yield
        finally:
            self[name] = round(self.get(name, 0.0) + milliseconds(started), 1)


def milliseconds(since):
    return round((time.perf_counter() - since) * 1000, 1)


def sendable(value):
    """The same value with lone surrogates escaped, long texts shortened, and infinity and NaN as null."""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            half = LONGEST_TEXT // 2
            value = f"{value[:half]}\n[... {len(value) - 2 * half} characters left out ...]\n{value[-half:]}"
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return value if _isfinite(value) else None
    if isinstance(value, dict):
        return {sendable(key): sendable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [sendable(item) for item in value]
    return value
