"""Adds to an FCStd what only the window's side of FreeCAD writes: who is visible, and in which colour.

Without it the desktop program opens the document with everything hidden, whatever `Visibility` says.
"""

import math
import struct
import zipfile

from . import looks, recorder, results

NAME = "GuiDocument.xml"
HEAD = """<?xml version='1.0' encoding='utf-8'?>
<!--
 FreeCAD Document, see http://www.freecadweb.org for more information...
-->
<Document SchemaVersion="1" HasExpansion="1">
    <Expand />
    <ViewProviderData Count="{}">
"""
# What the window writes, with its isometric view. It takes no file without a camera.
CAMERA = (
    '    <Camera settings="OrthographicCamera {{&#10;  viewportMapping ADJUST_CAMERA&#10;  position '
    "{0:.7g} {1:.7g} {2:.7g}&#10;  orientation 0.74290609 0.30772209 0.59447283  1.2171158&#10;  "
    'aspectRatio 1&#10;  focalDistance {3:.7g}&#10;  height {3:.7g}&#10;&#10;}}&#10;"/>\n'
)


def add(path, document, box):
    """Appends to the archive; the rest of it stays byte for byte. `box` is the part of space to look at."""
    files, providers = {}, []
    # A Body shows its last feature and nothing else, and nothing at all where that is hidden.
    tips = {thing.Tip for thing in document.Objects if thing.isDerivedFrom("PartDesign::Body")}
    for thing in document.Objects:
        properties = described(thing, files, thing in tips or is_visible(thing))
        providers.append(
            # A name is made of letters, digits and underlines, whatever the label.
            f'        <ViewProvider name="{thing.Name}" expanded="0">\n'
            f'            <Properties Count="{len(properties)}" TransientCount="0">\n'
        )
        providers += properties
        providers.append("            </Properties>\n        </ViewProvider>\n")
    far = box.DiagonalLength or 1
    eye = [middle + far * side / math.sqrt(3) for middle, side in zip(box.Center, (1, -1, 1))]
    tail = ("    </ViewProviderData>\n", CAMERA.format(*eye, far), "</Document>\n")
    text = "".join((HEAD.format(len(document.Objects)), *providers, *tail))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, text)
        for name, content in files.items():
            archive.writestr(name, content)


def belongs(path, document):
    """Whether a script's own file is this document and still without what `add` adds."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        return NAME not in names and document.Uid.encode() in archive.read("Document.xml")


def described(thing, files, visible):
    values = recorder.recorded(thing)
    found = looks.look(thing) if results.kind(thing) else None
    properties = []
    if found:
        colours = found.faces or [found.base]
        name = f"DiffuseColor{len(files) or ''}"
        files[name] = struct.pack(f"<I{len(colours)}I", len(colours), *map(packed, colours))
        properties.append(property("DiffuseColor", "ColorList", f'<ColorList file="{name}"/>'))
    for name in ("LineColor", "PointColor"):
        if name in values:
            properties.append(coloured(name, values[name]))
    for name in ("LineWidth", "PointSize"):
        if isinstance(values.get(name), (int, float)):
            properties.append(property(name, "FloatConstraint", f'<Float value="{float(values[name]):.16f}"/>'))
    if found:
        properties.append(coloured("ShapeColor", found.base))
        transparency = round((1 - found.base[3]) * 100)
        properties.append(property("Transparency", "Percent", f'<Integer value="{transparency}"/>'))
    properties.append(property("Visibility", "Bool", f'<Bool value="{str(visible).lower()}"/>'))
    return properties


def is_visible(thing):
    # Headless these stay visible; the window hides the origin of every new part.
    return thing.Visibility and not thing.isDerivedFrom("App::Origin")


def property(name, type, value):
    return (
        f'                <Property name="{name}" type="App::Property{type}" status="1">\n'
        f"                    {value}\n                </Property>\n"
    )


def coloured(name, rgb):
    return property(name, "Color", f'<PropertyColor value="{packed((*rgb[:3], 1.0))}"/>')


def packed(colour):
    """FreeCAD 0.20 keeps transparency in the last byte, so that 0 is opaque."""
    *rgb, opacity = colour
    red, green, blue, transparency = (round(part * 255) for part in (*rgb, 1 - opacity))
    return red << 24 | green << 16 | blue << 8 | transparency
