"""An object that accepts every operation and does nothing; it stands for window features without effect here."""


class NullObject:
    """Calls, attributes and items return NULL. It is empty, false and zero."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return NULL

    def __getattr__(self, name):
        # Protocols (copy, pickle, numpy) must find that it has no special methods.
        if name.startswith("__"):
            raise AttributeError(name)
        return NULL

    def __setattr__(self, name, value):
        # NULL is shared: a value kept in it would appear in unrelated places.
        if self is not NULL:
            super().__setattr__(name, value)

    def __getitem__(self, key):
        return NULL

    def __setitem__(self, key, value):
        pass

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __bool__(self):
        return False

    def __index__(self):
        return 0

    def __float__(self):
        return 0.0

    def __str__(self):
        return ""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False

    def _operator(self, *others):
        return NULL

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _operator
    __or__ = __ror__ = __and__ = __rand__ = __neg__ = __invert__ = _operator


NULL = NullObject()

_logged = set()


def log_once(message):
    """Prints a message, once a job: the script asked for something that only a window can do."""
    if message not in _logged:
        _logged.add(message)
        print(message)
