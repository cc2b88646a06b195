"""The window's selection, which scripts set and read back."""

import FreeCAD

from .null_object import NullObject


class Selected:
    """One selected object with the names of its selected faces and edges."""

    def __init__(self, obj, names):
        self.Object = obj
        self.Document = obj.Document
        self.DocumentName, self.ObjectName, self.TypeName = obj.Document.Name, obj.Name, obj.TypeId
        self.SubElementNames = names
        self.HasSubObjects = bool(names)
        self.PickedPoints = ()
        self.FullName = f"App.getDocument({self.DocumentName!r}).getObject({self.ObjectName!r})"

    @property
    def SubObjects(self):
        return tuple(self.Object.Shape.getElement(name) for name in self.SubElementNames)


class Selection(NullObject):
    def __init__(self):
        self._chosen = []

    def addSelection(self, obj, *rest):
        """Takes (object, [sub-name or names]) or (document name, object name, [sub-name])."""
        if isinstance(obj, str):
            obj, rest = FreeCAD.getDocument(obj).getObject(rest[0]), rest[1:]
        names = rest[0] if rest and rest[0] else ()
        names = (names,) if isinstance(names, str) else tuple(names)
        for number, (other, chosen) in enumerate(self._chosen):
            if other == obj:
                self._chosen[number] = (obj, (*chosen, *names))
                return
        self._chosen.append((obj, names))

    def removeSelection(self, obj, *rest):
        if isinstance(obj, str):
            obj = FreeCAD.getDocument(obj).getObject(rest[0])
        self._chosen = [pair for pair in self._chosen if pair[0] != obj]

    def clearSelection(self, *rest):
        self._chosen = []

    def isSelected(self, obj, *rest):
        return any(other == obj for other, _ in self._chosen)

    def hasSelection(self, *rest):
        return bool(self._chosen)

    def getSelection(self, *rest):
        return [obj for obj, _ in self._chosen]

    getCompleteSelection = getSelection

    def getSelectionEx(self, *rest):
        return [Selected(*pair) for pair in self._chosen]

    def countObjectsOfType(self, type_id, *rest):
        return sum(obj.isDerivedFrom(type_id) for obj, _ in self._chosen)

    def __bool__(self):
        return True
