"""Compiles and runs the person's script, once, as `__main__`, and says where it went wrong."""

import linecache
import os
import sys
import traceback
import types

from . import outside
from .failure import OUT_OF_MEMORY, Failed, describe, is_out_of_memory

_settrace, _setprofile = sys.settrace, sys.setprofile


def run(path, display_name, names=(), output=None):
    """Returns when the script has ended normally, which includes `sys.exit(0)`; else raises `Failed`.

    `names` it finds without an import; `output` is where its files belong.
    """
    directories = [place for place in (os.getcwd(), output) if place]
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
            # At once: the next Python function called here would be traced.
            _settrace(None)
            _setprofile(None)
    except SystemExit as ending:
        if ending.code is not None and ending.code != 0:
            raise failed(ending, display_name, f"the script ended with sys.exit({ending.code!r})") from None
    except BaseException as exception:
        if is_out_of_memory(exception):
            # What filled the memory hangs on the script's names; without them there is room for the report.
            vars(module).clear()
            traceback.clear_frames(exception.__traceback__)
        raise failed(exception, display_name, directories=directories) from None


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    at = content.find(b"\0")
    if at >= 0:
        raise Failed("syntax_error", "The script contains a null byte.", line=content.count(b"\n", 0, at) + 1)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Failed("syntax_error", f"The script is not UTF-8: {error.reason} in line {line}.", line=line) from None


def compiled(text, lines, display_name):
    try:
        return compile(text, display_name, "exec", dont_inherit=True)
    except SyntaxError as error:
        source = error.text or (lines[error.lineno - 1] if 0 < (error.lineno or 0) <= len(lines) else None)
        raise Failed(
            "syntax_error",
            f"{type(error).__name__}: {error.msg}",
            line=error.lineno,
            column=error.offset,
            source=source and source.strip(),
        ) from None
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        # The parser answers so when expressions nest too deeply for it.
        raise Failed("syntax_error", f"The script cannot be compiled: {describe(error)}") from None


def failed(exception, display_name, message=None, directories=()):
    """The script's exception, with the innermost line of the script itself that led to it."""
    # The outermost frame is `run` above, not the script's.
    exception.__traceback__ = exception.__traceback__ and exception.__traceback__.tb_next
    line = None
    for frame, number in traceback.walk_tb(exception.__traceback__):
        if frame.f_code.co_filename == display_name:
            line = number
    if is_out_of_memory(exception):
        code, message = "out_of_memory", message or OUT_OF_MEMORY
    else:
        code, message = "script_error", message or described(exception, display_name, directories)
    return Failed(
        code,
        message,
        line=line,
        source=linecache.getline(display_name, line).strip() if line else None,
        traceback=in_full(exception),
    )


def described(exception, display_name, directories):
    try:
        more = outside.advice(exception, display_name, directories)
    except Exception:  # The script may have replaced anything, and its own exceptions may do anything.
        more = None
    said = describe(exception)
    return f"{said.rstrip('.')}. {more}" if more else said


def in_full(exception):
    """The traceback with the chain of causes, as Python prints it."""
    try:
        return "".join(traceback.format_exception(type(exception), exception, exception.__traceback__))
    except Exception as error:  # The script's own exception class or source may defeat the formatter.
        return f"{describe(exception)}\n(no traceback: {describe(error)})"
