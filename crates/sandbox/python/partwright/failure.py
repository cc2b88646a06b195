"""The error that ends a job, and how exceptions become messages."""

OUT_OF_MEMORY = "The script needed more memory than a job may use."


class JobError(Exception):
    """Ends the job with an error for the author of the script.

    Codes: syntax_error, script_error, out_of_memory, invalid_shape, no_geometry, export_failed, output_unusable,
    internal_error.
    """

    def __init__(self, code, message, line=None, column=None, source=None, object=None, traceback=None):
        super().__init__(message)
        self.error = {
            "code": code,
            "message": message,
            "line": line,
            "column": column,
            "source": source,
            "object": object,
            "traceback": traceback,
        }


def describe(exception):
    """`ValueError: text`. The text is never empty, and never FreeCAD's dictionary of C++ details."""
    return f"{type(exception).__name__}: {reason(exception)}"


def reason(exception):
    """The text of an exception, without its type."""
    args = getattr(exception, "args", ())
    if args and isinstance(args[0], dict) and "sErrMsg" in args[0]:
        text = args[0]["sErrMsg"] or args[0].get("swhat", "")
    else:
        try:
            text = str(exception)
        except Exception:  # A script's own exception class may fail to print itself.
            text = ""
    return text.strip() or "no reason was given"


def is_out_of_memory(exception):
    """True for Python's MemoryError and for the errors that FreeCAD makes from those of C++ and OCCT."""
    if isinstance(exception, MemoryError):
        return True
    return isinstance(exception, RuntimeError) and any(
        word in reason(exception) for word in ("bad_alloc", "OutOfMemory", "Not enough memory")
    )
