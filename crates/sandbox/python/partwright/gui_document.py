"""Adds GuiDocument.xml to an FCStd: visibility and colours, which FreeCAD writes only with a window.

Without it the desktop program opens the document with everything hidden, whatever the value of `Visibility`.
"""

import math
import struct
import zipfile

from . import colours, recorder, results

NAME = "GuiDocument.xml"
HEAD = """<?xml version='1.0' encoding='utf-8'?>
<!--
 FreeCAD Document, see http://www.freecadweb.org for more information...
-->
<Document SchemaVersion="1" HasExpansion="1">
    <Expand />
    <ViewProviderData Count="{}">
"""
# As the window writes it, with its isometric view. The window rejects a file without a camera.
CAMERA = (
    '    <Camera settings="OrthographicCamera {{&#10;  viewportMapping ADJUST_CAMERA&#10;  position '
    "{0:.7g} {1:.7g} {2:.7g}&#10;  orientation 0.74290609 0.30772209 0.59447283  1.2171158&#10;  "
    'aspectRatio 1&#10;  focalDistance {3:.7g}&#10;  height {3:.7g}&#10;&#10;}}&#10;"/>\n'
)


def add(path, document, box):
    """Appends to the archive without changing the rest of it. The camera looks at `box`."""
    files, providers = {}, []
    # A Body shows only its last feature, and shows nothing if that is hidden.
    tips = {obj.Tip for obj in document.Objects if obj.isDerivedFrom("PartDesign::Body")}
    for obj in document.Objects:
        properties = view_properties(obj, files, obj in tips or is_visible(obj))
        providers.append(
            # Unlike a label, a name has only letters, digits and underscores, and needs no escaping.
            f'        <ViewProvider name="{obj.Name}" expanded="0">\n'
            f'            <Properties Count="{len(properties)}" TransientCount="0">\n'
        )
        providers += properties
        providers.append("            </Properties>\n        </ViewProvider>\n")
    distance = box.DiagonalLength or 1
    eye = [middle + distance * side / math.sqrt(3) for middle, side in zip(box.Center, (1, -1, 1))]
    tail = ("    </ViewProviderData>\n", CAMERA.format(*eye, distance), "</Document>\n")
    text = "".join((HEAD.format(len(document.Objects)), *providers, *tail))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, text)
        for name, content in files.items():
            archive.writestr(name, content)


def is_missing(path, document):
    """Whether a script's own file is this document and has no GuiDocument.xml."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        return NAME not in names and document.Uid.encode() in archive.read("Document.xml")


def view_properties(obj, files, visible):
    values = recorder.recorded_values(obj)
    found = colours.appearance(obj) if results.kind(obj) else None
    properties = []
    if found:
        face_colours = found.faces or [found.base]
        name = f"DiffuseColor{len(files) or ''}"
        files[name] = struct.pack(f"<I{len(face_colours)}I", len(face_colours), *map(packed, face_colours))
        properties.append(property("DiffuseColor", "ColorList", f'<ColorList file="{name}"/>'))
    for name in ("LineColor", "PointColor"):
        if name in values:
            properties.append(colour_property(name, values[name]))
    for name in ("LineWidth", "PointSize"):
        if isinstance(values.get(name), (int, float)):
            properties.append(property(name, "FloatConstraint", f'<Float value="{float(values[name]):.16f}"/>'))
    if found:
        properties.append(colour_property("ShapeColor", found.base))
        transparency = round((1 - found.base[3]) * 100)
        properties.append(property("Transparency", "Percent", f'<Integer value="{transparency}"/>'))
    properties.append(property("Visibility", "Bool", f'<Bool value="{str(visible).lower()}"/>'))
    return properties


def is_visible(obj):
    # The window hides the origin of every new part; headless FreeCAD does not.
    return obj.Visibility and not obj.isDerivedFrom("App::Origin")


def property(name, type, value):
    return (
        f'                <Property name="{name}" type="App::Property{type}" status="1">\n'
        f"                    {value}\n                </Property>\n"
    )


def colour_property(name, rgb):
    return property(name, "Color", f'<PropertyColor value="{packed((*rgb[:3], 1.0))}"/>')


def packed(colour):
    """A colour in FreeCAD 0.20's four bytes. The last is the transparency, 0 for opaque."""
    *rgb, opacity = colour
    red, green, blue, transparency = (round(part * 255) for part in (*rgb, 1 - opacity))
    return red << 24 | green << 16 | blue << 8 | transparency
