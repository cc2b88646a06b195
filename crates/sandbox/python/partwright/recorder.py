"""Records what a script sets on `obj.ViewObject`; the exporter reads it.

For `obj.ViewObject`, headless FreeCAD asks the module FreeCADGui, if one is loaded, for
`getDocument(name).getObject(name)`. The stand-in returns the objects of this module.
"""

import sys

import FreeCAD

from .null_object import NULL, NullObject

GREY = (0.8, 0.8, 0.8, 0.0)
DARK = (25 / 255, 25 / 255, 25 / 255, 0.0)

# Values of a new object in FreeCAD 0.20's window, for scripts that read a property before they set it.
COMMON = {
    "DisplayMode": "Flat Lines",
    "OnTopWhenSelected": "Disabled",
    "Proxy": NULL,  # FreeCAD's own features (an Arch floor) use their window part without a check.
    "SelectionStyle": "Shape",
    "ShowInTree": True,
}
SHAPED = {
    "AngularDeflection": 28.65,
    "BoundingBox": False,
    "Deviation": 0.2,
    "DrawStyle": "Solid",
    "Lighting": "Two side",
    "LineColor": DARK,
    "LineColorArray": [DARK],
    "LineWidth": 2.0,
    "PointColor": DARK,
    "PointColorArray": [DARK],
    "PointSize": 2.0,
    "Selectable": True,
    "ShapeColor": GREY,
    "Transparency": 0,
}
# Properties that recorded macros read when they open a sketch for editing. These values leave visibility unchanged.
SKETCHED = {
    "Autoconstraints": True, "EditingWorkbench": "", "ForceOrtho": False, "GridSize": 10.0, "HideDependent": False,
    "RestoreCamera": False, "SectionView": False, "ShowGrid": False, "ShowLinks": False, "ShowSupport": False,
    "TempoVis": NULL,
}  # fmt: skip
# Initial values of `addProperty` by type; None for any other type.
INITIAL = {
    "Bool": False, "Integer": 0, "Percent": 0, "Float": 0.0, "Length": 0.0, "Distance": 0.0, "Angle": 0.0,
    "String": "", "Font": "", "File": "", "Color": (0.0, 0.0, 0.0, 0.0), "ColorList": [], "StringList": [],
    "FloatList": [], "IntegerList": [], "VectorList": [], "LinkList": [], "Map": {},
}  # fmt: skip
COLOURS = {"ShapeColor", "DiffuseColor", "Transparency"}
SCENE = {"Annotation", "Icon", "IV", "RootNode", "SwitchNode"}


class ViewObject:
    """The appearance of one object. Unknown properties can be set and read back; unknown methods do nothing."""

    def __init__(self, obj):
        vars(self).update(Object=obj, _values={}, _types={})

    @property
    def Visibility(self):
        return self.Object.Visibility

    @property
    def Document(self):
        return sys.modules["FreeCADGui"].getDocument(self.Object.Document.Name)

    @property
    def DiffuseColor(self):
        transparency = self.Transparency / 100
        return list(self._values.get("DiffuseColor") or [(*self.ShapeColor[:3], transparency)])

    @property
    def ShapeMaterial(self):
        material = FreeCAD.Material()
        material.DiffuseColor = (*self.ShapeColor[:3], 0.0)
        material.Transparency = self.Transparency / 100
        return material

    @property
    def ShapeAppearance(self):
        """FreeCAD 1.0's property for the colours of faces."""
        return (self.ShapeMaterial,)

    @property
    def PropertiesList(self):
        defaults = (name for values in self._defaults() for name in values)
        return sorted({*defaults, *self._values, "DiffuseColor", "ShapeMaterial", "Visibility"})

    @property
    def TypeId(self):
        return "Gui::ViewProviderPythonFeature" if "Python" in self.Object.TypeId else "PartGui::ViewProviderPartExt"

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        for values in (self._values, *self._defaults()):
            if name in values:
                value = values[name]
                return list(value) if isinstance(value, list) else value
        # FreeCAD's properties begin with a capital letter and its methods do not. A property that the window does not
        # have must be missing here too: scripts and Draft check with hasattr.
        if name in SCENE or name[:1].islower():
            return NULL
        raise AttributeError(f"'{self.TypeId}' object has no attribute '{name}'")

    def __setattr__(self, name, value):
        if name == "Visibility":
            self.Object.Visibility = bool(value)
        elif name == "Transparency":
            self._values[name] = transparency = min(max(int(value), 0), 100)
            if "DiffuseColor" in self._values:
                self._values["DiffuseColor"] = [(*rgb, transparency / 100) for *rgb, _ in self._values["DiffuseColor"]]
        elif name == "DiffuseColor":
            self._values[name] = colours(value)
            if len(self._values[name]) == 1:
                self._values["ShapeColor"] = (*self._values[name][0][:3], 0.0)
        elif name in ("ShapeMaterial", "ShapeAppearance"):
            self._set_materials(value if isinstance(value, (list, tuple)) else [value])
        elif name == "ShapeColor":
            self._values[name] = colour(value)
            self._values.pop("DiffuseColor", None)  # The object's colour replaces those of its faces.
        elif name in ("LineColor", "PointColor"):
            self._values[name] = colour(value)
        else:
            self._values[name] = value

    def _defaults(self):
        return (SHAPED, COMMON, SKETCHED) if self.Object.isDerivedFrom("Sketcher::SketchObject") else (SHAPED, COMMON)

    def __dir__(self):
        return [*super().__dir__(), *self.PropertiesList]

    def _set_materials(self, materials):
        faces = [(*colour(material.DiffuseColor)[:3], float(material.Transparency)) for material in materials]
        self.ShapeColor = faces[0][:3]
        self.Transparency = round(faces[0][3] * 100)
        if len(faces) > 1:
            self.DiffuseColor = faces

    def hide(self):
        self.Object.Visibility = False

    def show(self):
        self.Object.Visibility = True

    def isVisible(self):
        return self.Object.Visibility

    def isDerivedFrom(self, type_id):
        return type_id in (self.TypeId, "Gui::ViewProviderDocumentObject", "Gui::ViewProviderGeometryObject")

    def addProperty(self, type_id, name, *rest, **more):
        kind = type_id.removeprefix("App::Property")
        self._types[name] = type_id
        initial = NULL if kind == "Enumeration" else INITIAL.get(kind)
        self._values.setdefault(name, list(initial) if isinstance(initial, list) else initial)
        return self

    def removeProperty(self, name):
        return self._values.pop(name, None) is not None

    def getTypeIdOfProperty(self, name):
        return self._types.get(name, "App::PropertyString")

    def listDisplayModes(self):
        return ["Flat Lines", "Shaded", "Wireframe", "Points"]

    def setPropertyStatus(self, *args):
        pass

    def getPropertyStatus(self, *args):
        return []

    getEditorMode = getPropertyStatus


def colour(value):
    """(red, green, blue, transparency), each from 0 to 1, from any of the forms that scripts use."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = tuple(value >> shift & 255 for shift in (24, 16, 8, 0))
    numbers = None if isinstance(value, (str, bytes, NullObject)) else tuple(value)
    if not numbers or len(numbers) not in (3, 4):
        raise TypeError(f"a colour is three or four numbers from 0 to 1, not {value!r}")
    # FreeCAD reads integers as 0 to 255, which turns (1, 0, 0), meant as red, into black.
    if all(isinstance(number, int) for number in numbers) and max(numbers) > 1:
        numbers = tuple(number / 255 for number in numbers)
    numbers = tuple(min(max(float(number), 0.0), 1.0) for number in numbers)
    return numbers if len(numbers) == 4 else (*numbers, 0.0)


def colours(value):
    """A list of colours; FreeCAD accepts a single one too."""
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (int, float)):
        return [colour(item) for item in value]
    return [colour(value)]


# By the document's Uid and the object's number, which are not reused, unlike names.
_view_objects = {}


def view_object(obj):
    """The one view object of an object."""
    key = obj.Document.Uid, obj.ID
    found = _view_objects.get(key)
    if found is None:
        found = _view_objects[key] = ViewObject(obj)
    elif found.Object is not obj:  # The document was closed and opened again.
        vars(found)["Object"] = obj
    return found


def recorded_values(obj):
    """The values that the script set on an object, by property name."""
    found = _view_objects.get((obj.Document.Uid, obj.ID))
    return found._values if found else {}


def copy_values(source, copy):
    """Gives a copied object the values of its original, except its proxy."""
    if recorded_values(source):
        original, target = view_object(source), view_object(copy)
        for name, value in original._values.items():
            if name != "Proxy":
                target._values[name] = list(value) if isinstance(value, list) else value
        target._types.update(original._types)


def any_coloured():
    """Whether any object has a colour of its own."""
    return any(COLOURS & found._values.keys() for found in _view_objects.values())
