"""Gives copied objects the appearance of their originals. FreeCAD's window does this; headless FreeCAD does not."""

import ctypes
import gc

import FreeCAD

from .recorder import copy_values

# C keeps the address of HIDDEN, so the bytes must live as long as the module.
NAME, HIDDEN = b"copyObject", b"copyObject without appearance"
DEPENDENCIES = 3  # Flags of `getDependentObjects` as in FreeCAD's own copy: sorted, without link targets.


class Method(ctypes.Structure):
    """Python's `PyMethodDef`, as far as its first field."""

    _fields_ = [("name", ctypes.c_char_p)]


class Descriptor(ctypes.Structure):
    """Python's `PyMethodDescrObject`."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("count", "type", "owner", "name", "qualified")),
        ("method", ctypes.POINTER(Method)),
    ]


def install():
    """Replaces the `copyObject` of every document: FreeCAD has no signal that names a copy's original.

    FreeCAD looks a name up among its own methods first, and then in the type. So this renames FreeCAD's own method,
    which hides it from that lookup, and puts the new function into the type. The original can still be called.
    """
    (names,) = gc.get_referents(vars(FreeCAD.Document))
    original = names[NAME.decode()]
    if type(original).__name__ != "method_descriptor":
        return
    method = Descriptor.from_address(id(original)).method.contents
    if method.name != NAME:
        return

    def copyObject(self, objects, *rest):
        newest = max((obj.ID for obj in self.Objects), default=0)
        answer = original(self, objects, *rest)
        sources = [objects] if hasattr(objects, "TypeId") else list(objects)
        if rest and rest[0]:
            sources = FreeCAD.getDependentObjects(sources, DEPENDENCIES)
        copies = sorted((obj for obj in self.Objects if obj.ID > newest), key=lambda obj: obj.ID)
        # FreeCAD makes the copies in the order of their originals.
        if [copy.TypeId for copy in copies] == [source.TypeId for source in sources]:
            for source, copy in zip(sources, copies):
                copy_values(source, copy)
        return answer

    names[NAME.decode()] = copyObject
    method.name = HIDDEN
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(FreeCAD.Document))
