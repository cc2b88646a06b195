"""The window's selection: a list that scripts fill and read themselves."""

import FreeCAD

from .nothing import Nothing


class Selected:
    """One object of the selection with the names of its chosen faces and edges."""

    def __init__(self, thing, names):
        self.Object = thing
        self.Document = thing.Document
        self.DocumentName, self.ObjectName, self.TypeName = thing.Document.Name, thing.Name, thing.TypeId
        self.SubElementNames = names
        self.HasSubObjects = bool(names)
        self.PickedPoints = ()
        self.FullName = f"App.getDocument({self.DocumentName!r}).getObject({self.ObjectName!r})"

    @property
    def SubObjects(self):
        return tuple(self.Object.Shape.getElement(name) for name in self.SubElementNames)


class Selection(Nothing):
    def __init__(self):
        self._chosen = []

    def addSelection(self, thing, *rest):
        """(object, [sub-name or names]) or (document name, object name, [sub-name])."""
        if isinstance(thing, str):
            thing, rest = FreeCAD.getDocument(thing).getObject(rest[0]), rest[1:]
        names = rest[0] if rest and rest[0] else ()
        names = (names,) if isinstance(names, str) else tuple(names)
        for number, (other, chosen) in enumerate(self._chosen):
            if other == thing:
                self._chosen[number] = (thing, (*chosen, *names))
                return
        self._chosen.append((thing, names))

    def removeSelection(self, thing, *rest):
        if isinstance(thing, str):
            thing = FreeCAD.getDocument(thing).getObject(rest[0])
        self._chosen = [pair for pair in self._chosen if pair[0] != thing]

    def clearSelection(self, *rest):
        self._chosen = []

    def isSelected(self, thing, *rest):
        return any(other == thing for other, _ in self._chosen)

    def hasSelection(self, *rest):
        return bool(self._chosen)

    def getSelection(self, *rest):
        return [thing for thing, _ in self._chosen]

    getCompleteSelection = getSelection

    def getSelectionEx(self, *rest):
        return [Selected(*pair) for pair in self._chosen]

    def countObjectsOfType(self, type_id, *rest):
        return sum(thing.isDerivedFrom(type_id) for thing, _ in self._chosen)

    def __bool__(self):
        return True
