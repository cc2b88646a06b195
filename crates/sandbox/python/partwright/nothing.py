"""An object that takes whatever is done to it: the answer for every part of the window that has no meaning here."""


class Nothing:
    """Calls, attributes and items give itself; it is empty, false and zero."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return NOTHING

    def __getattr__(self, name):
        # Protocols (copy, pickle, numpy) must find that it has none.
        if name.startswith("__"):
            raise AttributeError(name)
        return NOTHING

    def __setattr__(self, name, value):
        # There is one NOTHING for everything: a value kept in it would turn up where nobody put it.
        if self is not NOTHING:
            super().__setattr__(name, value)

    def __getitem__(self, key):
        return NOTHING

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

    def _itself(self, *others):
        return NOTHING

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _itself
    __or__ = __ror__ = __and__ = __rand__ = __neg__ = __invert__ = _itself


NOTHING = Nothing()

_said = set()


def say(message):
    """One line in the log, once a job: something was asked for that only a window can do."""
    if message not in _said:
        _said.add(message)
        print(message)
