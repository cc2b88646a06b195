"""Adds the colours to a STEP file: FreeCAD exports them only with a window.

The entities are those of OCCT's own writer, in the presentation of AP214, appended after the last one in the file.
"""

import os
import re
from collections import Counter

# An entity ends with a semicolon at the end of a line. Strings may hold anything except that.
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


def add(path, appearances):
    """`appearances` are lists by product name: products that share a name take theirs in the order of the file."""
    with open(path, "rb") as file:
        text = file.read()
    entities, products = read(text)
    writer = Writer(max(map(int, re.findall(rb"^#(\d+) =", text, re.MULTILINE)), default=0))
    for name, found in appearances.items():
        here = products.get(name, [])
        # If the numbers of products and objects differ, only a colour that all the objects share is certain.
        if len(here) != len(found):
            found = found[:1] * len(here) if all_equal(found) else []
        for representation, appearance in zip(here, found):
            if appearance:
                writer.paint(entities, representation, appearance)
    at = text.rfind(END)
    if writer.lines and at > 0:
        # The old file stays until the new one is complete.
        with open(path + ".new", "wb") as file:
            file.write(text[:at] + "".join(writer.lines).encode("ascii") + text[at:])
        os.replace(path + ".new", path)


def read(text):
    """Entities by number, as (kind, references), and the shape representations of each product's name."""
    entities, names = {}, {}
    for number, kind, content in ENTITY.findall(text):
        if kind == b"PRODUCT":
            # OCCT breaks long strings into lines.
            names[int(number)] = STRING.search(content)[0].replace(b"\r", b"").replace(b"\n", b"")[1:-1]
        entities[int(number)] = kind, [int(other) for other in REFERENCE.findall(STRING.sub(b"", content))]
    products = {}
    for kind, references in entities.values():
        if kind != b"SHAPE_DEFINITION_REPRESENTATION":
            continue
        product = references[0]
        # From shape to definition, formation and product: the first reference of each is the next.
        for _ in range(3):
            product = (entities.get(product, (None, []))[1] or [None])[0]
        if product in names:
            name = names[product].decode("utf-8", "replace").replace("''", "'").replace("\\\\", "\\")
            products.setdefault(name, []).append(references[1])
    return entities, products


def all_equal(appearances):
    return all(found and found == appearances[0] for found in appearances)


class Writer:
    """Collects new entities; all items of one colour share one style."""

    def __init__(self, last):
        self.lines = []
        self._last = last
        self._styles = {}

    def paint(self, entities, representation, appearance):
        """Colours the whole body, and then each face that differs from it."""
        kind, references = entities.get(representation, (None, []))
        if not references:
            return
        *items, context = references
        bodies = [item for item in items if entities.get(item, (None,))[0] in BODIES]
        faces = [face for body in bodies for face in faces_of(entities, body)]
        each = appearance.faces if appearance.faces and len(appearance.faces) == len(faces) else None
        styled, colours = [], dict(zip(faces, each or ()))
        for body in bodies:
            below = faces_of(entities, body)
            # Readers apply the body's colour to all faces, so it is the most common one.
            base = Counter(colours[face] for face in below).most_common(1)[0][0] if each else appearance.base
            whole = self.add(f"STYLED_ITEM('color',(#{self.style(base)}),#{body})")
            styled.append(whole)
            for face in below:
                if each and colours[face] != base:
                    style = self.style(colours[face])
                    styled.append(
                        self.add(f"OVER_RIDING_STYLED_ITEM('overriding color',(#{style}),#{face},#{whole})")
                    )
        if styled:
            listed = ",\n  ".join(f"#{item}" for item in styled)
            self.add(f"MECHANICAL_DESIGN_GEOMETRIC_PRESENTATION_REPRESENTATION('',(\n  {listed}),#{context})")

    def style(self, colour):
        if colour not in self._styles:
            *rgb, opacity = colour
            paint = self.add(f"COLOUR_RGB('',{','.join(map(step_real, rgb))})")
            fill = self.add(f"FILL_AREA_STYLE_COLOUR('',#{paint})")
            fill = self.add(f"FILL_AREA_STYLE('',(#{fill}))")
            sides = f"#{self.add(f'SURFACE_STYLE_FILL_AREA(#{fill})')}"
            if opacity < 1:
                clear = self.add(f"SURFACE_STYLE_TRANSPARENT({step_real(1 - opacity)})")
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
    """Numbers of the faces of a body, in the order in which FreeCAD counts them."""
    kind, references = entities.get(item, (None, []))
    if kind in SHELLS:
        return references
    return [face for reference in references for face in faces_of(entities, reference)]


def step_real(number):
    """A number with a decimal point, which STEP requires even for whole numbers."""
    return f"{number:.6f}".rstrip("0")
