"""Adds the colours to a STEP file: FreeCAD's export has them only with a window.

Entities as OCCT's own writer makes them, in the presentation that AP214 asks for, appended behind its last one.
"""

import os
import re
from collections import Counter

# Strings may hold anything but never break an entity's end: a semicolon at the end of a line.
ENTITY = re.compile(
    rb"^#(\d+) = (PRODUCT|PRODUCT_DEFINITION|PRODUCT_DEFINITION_FORMATION\w*|PRODUCT_DEFINITION_SHAPE|"
    rb"SHAPE_DEFINITION_REPRESENTATION|\w*SHAPE_REPRESENTATION|MANIFOLD_SOLID_BREP|BREP_WITH_VOIDS|"
    rb"SHELL_BASED_SURFACE_MODEL|CLOSED_SHELL|OPEN_SHELL|ORIENTED_CLOSED_SHELL)\s*\((.*?)\);\r?$",
    re.MULTILINE | re.DOTALL,
)
REFERENCE = re.compile(rb"#(\d+)")
STRING = re.compile(rb"'(?:[^']|'')*'")
BODIES = (b"MANIFOLD_SOLID_BREP", b"BREP_WITH_VOIDS", b"SHELL_BASED_SURFACE_MODEL")
SHELLS = (b"CLOSED_SHELL", b"OPEN_SHELL")
END = b"ENDSEC;"


def add(path, looks):
    """`looks` by the product's name; a list, as names may be shared: then they stand in the order of the file."""
    with open(path, "rb") as file:
        text = file.read()
    entities, products = read(text)
    writer = Writer(max(map(int, re.findall(rb"^#(\d+) =", text, re.MULTILINE)), default=0))
    for name, found in looks.items():
        here = products.get(name, [])
        # Where one product stands for many objects, or for none, only a colour that they share is certain.
        if len(here) != len(found):
            found = found[:1] * len(here) if same(found) else []
        for representation, look in zip(here, found):
            if look:
                writer.paint(entities, representation, look)
    at = text.rfind(END)
    if writer.lines and at > 0:
        # The old file stays whole until the new one is.
        with open(path + ".new", "wb") as file:
            file.write(text[:at] + "".join(writer.lines).encode("ascii") + text[at:])
        os.replace(path + ".new", path)


def read(text):
    """Entities by number, as (kind, references), and the shape representations of each product's name."""
    entities, names = {}, {}
    for number, kind, content in ENTITY.findall(text):
        if kind == b"PRODUCT":
            # OCCT breaks long strings over lines.
            names[int(number)] = STRING.search(content)[0].replace(b"\r", b"").replace(b"\n", b"")[1:-1]
        entities[int(number)] = kind, [int(other) for other in REFERENCE.findall(STRING.sub(b"", content))]
    products = {}
    for kind, references in entities.values():
        if kind != b"SHAPE_DEFINITION_REPRESENTATION":
            continue
        product = references[0]
        # Shape, definition, formation, product: each names the next first.
        for _ in range(3):
            product = (entities.get(product, (None, []))[1] or [None])[0]
        if product in names:
            name = names[product].decode("utf-8", "replace").replace("''", "'").replace("\\\\", "\\")
            products.setdefault(name, []).append(references[1])
    return entities, products


def same(looks):
    return all(found and (found.base, found.faces) == (looks[0].base, looks[0].faces) for found in looks)


class Writer:
    """Collects new entities; a style is written once a colour and shared."""

    def __init__(self, last):
        self.lines = []
        self._last = last
        self._styles = {}

    def paint(self, entities, representation, look):
        """The whole body in its colour, and the faces that differ over it."""
        kind, references = entities.get(representation, (None, []))
        if not references:
            return
        *items, context = references
        bodies = [item for item in items if entities.get(item, (None,))[0] in BODIES]
        faces = [face for body in bodies for face in faces_of(entities, body)]
        each = look.faces if look.faces and len(look.faces) == len(faces) else None
        styled, after = [], dict(zip(faces, each or ()))
        for body in bodies:
            below = faces_of(entities, body)
            # Readers take the body's own colour as that of all faces, so it is the one that most have.
            base = Counter(after[face] for face in below).most_common(1)[0][0] if each else look.base
            whole = self.add(f"STYLED_ITEM('color',(#{self.style(base)}),#{body})")
            styled.append(whole)
            for face in below:
                if each and after[face] != base:
                    style = self.style(after[face])
                    styled.append(
                        self.add(f"OVER_RIDING_STYLED_ITEM('overriding color',(#{style}),#{face},#{whole})")
                    )
        if styled:
            listed = ",\n  ".join(f"#{item}" for item in styled)
            self.add(f"MECHANICAL_DESIGN_GEOMETRIC_PRESENTATION_REPRESENTATION('',(\n  {listed}),#{context})")

    def style(self, colour):
        if colour not in self._styles:
            *rgb, opacity = colour
            paint = self.add(f"COLOUR_RGB('',{','.join(map(real, rgb))})")
            fill = self.add(f"FILL_AREA_STYLE_COLOUR('',#{paint})")
            fill = self.add(f"FILL_AREA_STYLE('',(#{fill}))")
            sides = f"#{self.add(f'SURFACE_STYLE_FILL_AREA(#{fill})')}"
            if opacity < 1:
                clear = self.add(f"SURFACE_STYLE_TRANSPARENT({real(1 - opacity)})")
                shade = f"SURFACE_STYLE_RENDERING_WITH_PROPERTIES(.NORMAL_SHADING.,#{paint},(#{clear}))"
                sides += f",#{self.add(shade)}"
            side = self.add(f"SURFACE_SIDE_STYLE('',({sides}))")
            usage = self.add(f"SURFACE_STYLE_USAGE(.BOTH.,#{side})")
            self._styles[colour] = self.add(f"PRESENTATION_STYLE_ASSIGNMENT((#{usage}))")
        return self._styles[colour]

    def add(self, entity):
        self._last += 1
        self.lines.append(f"#{self._last} = {entity};\n")
        return self._last


def faces_of(entities, item):
    """Numbers of the faces below a body, in the order in which FreeCAD counts them."""
    kind, references = entities.get(item, (None, []))
    if kind in SHELLS:
        return references
    return [face for reference in references for face in faces_of(entities, reference)]


def real(number):
    """STEP wants the point even in whole numbers."""
    return f"{number:.6f}".rstrip("0")
