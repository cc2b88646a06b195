"""Lets copies look like their originals: the window copies an object's look with it, and headless nobody does."""

import ctypes
import gc

import FreeCAD

from .recorder import take_after

# C keeps the address of the second, so it lives as long as the module.
NAME, HIDDEN = b"copyObject", b"copyObject without the look"
DEPENDENCIES = 3  # Of `getDependentObjects`: sorted, without what is only linked to; as FreeCAD copies them.


class Method(ctypes.Structure):
    """Python's `PyMethodDef`, as far as its first field."""

    _fields_ = [("name", ctypes.c_char_p)]


class Descriptor(ctypes.Structure):
    """Python's `PyMethodDescrObject`."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("count", "type", "of", "name", "qualified")),
        ("method", ctypes.POINTER(Method)),
    ]


def install():
    """Puts `copyObject` below in the place of every document's: FreeCAD gives no signal that tells a copy's original.

    FreeCAD looks a name up among its own methods first and in the type afterwards. So its method loses the name, by
    which alone it is found there, and the type gets the new one. The old one can still be called.
    """
    (names,) = gc.get_referents(vars(FreeCAD.Document))
    original = names[NAME.decode()]
    if type(original).__name__ != "method_descriptor":
        return
    method = Descriptor.from_address(id(original)).method.contents
    if method.name != NAME:
        return

    def copyObject(self, objects, *rest):
        newest = max((thing.ID for thing in self.Objects), default=0)
        answer = original(self, objects, *rest)
        sources = [objects] if hasattr(objects, "TypeId") else list(objects)
        if rest and rest[0]:
            sources = FreeCAD.getDependentObjects(sources, DEPENDENCIES)
        copies = sorted((thing for thing in self.Objects if thing.ID > newest), key=lambda thing: thing.ID)
        # They are made in the order of their originals.
        if [copy.TypeId for copy in copies] == [source.TypeId for source in sources]:
            for source, copy in zip(sources, copies):
                take_after(copy, source)
        return answer

    names[NAME.decode()] = copyObject
    method.name = HIDDEN
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(FreeCAD.Document))

