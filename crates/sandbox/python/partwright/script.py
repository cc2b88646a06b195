"""Compiles and runs the script, once, as `__main__`, and reports the line where it failed."""

import linecache
import os
import sys
import traceback
import types

from . import blocked_paths
from .failure import OUT_OF_MEMORY, JobError, describe, is_out_of_memory

_settrace, _setprofile = sys.settrace, sys.setprofile


def run(path, display_name, names=(), output=None):
    """Returns when the script has ended normally, which includes `sys.exit(0)`; else raises `JobError`.

    `names` are in the script's namespace without an import; `output` is the directory for its files.
    """
    directories = [directory for directory in (os.getcwd(), output) if directory]
    text = read(path)
    lines = text.splitlines(keepends=True)
    code = compiled(text, lines, display_name)
    # An entry without a time is never checked against a file, so tracebacks show these lines.
    linecache.cache[display_name] = (len(text), None, lines, display_name)

    module = types.ModuleType("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    vars(module).update(names)
    sys.modules["__main__"] = module
    sys.argv = [path]
    sys.path.insert(0, os.path.dirname(path))
    try:
        try:
            exec(code, vars(module))
        finally:
            # First of all: a trace function of the script would run at the next Python call.
            _settrace(None)
            _setprofile(None)
    except SystemExit as ending:
        if ending.code is not None and ending.code != 0:
            message = f"the script ended with sys.exit({ending.code!r})"
            raise job_error(ending, display_name, directories, message) from None
    except BaseException as exception:
        if is_out_of_memory(exception):
            # The script's names hold the memory. Clearing them makes room for the report.
            vars(module).clear()
            traceback.clear_frames(exception.__traceback__)
        raise job_error(exception, display_name, directories) from None


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    at = content.find(b"\0")
    if at >= 0:
        raise JobError("syntax_error", "The script contains a null byte.", line=content.count(b"\n", 0, at) + 1)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"The script is not UTF-8: {error.reason} in line {line}."
        raise JobError("syntax_error", message, line=line) from None


def compiled(text, lines, display_name):
    try:
        return compile(text, display_name, "exec", dont_inherit=True)
    except SyntaxError as error:
        source = error.text or (lines[error.lineno - 1] if 0 < (error.lineno or 0) <= len(lines) else None)
        raise JobError(
            "syntax_error",
            f"{type(error).__name__}: {error.msg}",
            line=error.lineno,
            column=error.offset,
            source=source and source.strip(),
        ) from None
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        # The parser raises these for expressions that nest too deeply.
        raise JobError("syntax_error", f"The script cannot be compiled: {describe(error)}") from None


def job_error(exception, display_name, directories, message=None):
    """The script's exception, with the innermost line of the script itself that led to it."""
    # The outermost frame is `run` above, not the script's.
    exception.__traceback__ = exception.__traceback__ and exception.__traceback__.tb_next
    line = None
    for frame, number in traceback.walk_tb(exception.__traceback__):
        if frame.f_code.co_filename == display_name:
            line = number
    if is_out_of_memory(exception):
        code, message = "out_of_memory", OUT_OF_MEMORY
    else:
        code, message = "script_error", message or error_message(exception, display_name, directories)
    return JobError(
        code,
        message,
        line=line,
        source=linecache.getline(display_name, line).strip() if line else None,
        traceback=full_traceback(exception),
    )


def error_message(exception, display_name, directories):
    try:
        advice = blocked_paths.advice(exception, display_name, directories)
    except Exception:  # The script may have replaced anything, and its own exceptions may do anything.
        advice = None
    message = describe(exception)
    return f"{message.rstrip('.')}. {advice}" if advice else message


def full_traceback(exception):
    """The traceback with the chain of causes, as Python prints it."""
    try:
        return "".join(traceback.format_exception(type(exception), exception, exception.__traceback__))
    except Exception as error:  # The script's own exception class or source may break the formatter.
        return f"{describe(exception)}\n(no traceback: {describe(error)})"
