"""Hands the mesh to the daemon, which makes the GLB and the picture of it.

`mesh.pwm`, little endian: "PWM1", u32 parts, and for each part u32 length and UTF-8 label, 4 f32 base colour (RGBA),
u32 vertices and 3 f32 each (mm, placed), u32 triangles and 3 u32 each, u32 runs and for each u32 triangles and
4 f32 colour; the runs cover all triangles in order, and none means the base colour.
"""

import os
import struct
import tempfile

from .export import no_room, put
from .failure import Failed, describe, is_out_of_memory

NAME = "mesh.pwm"
GREY = (0.8, 0.8, 0.8, 1.0)
VERTEX, FACET = 12, 13  # Bytes in FreeCAD's PLY: three f32; a count of one byte and three u32.


def write(pieces, output):
    """Returns the file's name; None where there is nothing to see."""
    meshed = [piece for piece in pieces if piece.mesh]
    if not meshed:
        return None
    # A fresh directory: whatever a script left under this name is replaced and not followed.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=output) as fresh:
        made = os.path.join(fresh, NAME)
        try:
            with open(made, "wb") as file:
                file.write(b"PWM1" + struct.pack("<I", len(meshed)))
                for piece in meshed:
                    file.writelines(part(piece, os.path.join(fresh, "part.ply")))
        except Exception as error:
            if is_out_of_memory(error):
                raise
            wrong = no_room(made) or describe(error)
            raise Failed("export_failed", f"The mesh for GLB and PNG could not be written: {wrong}.") from None
        put(made, os.path.join(output, NAME), os.path.join(fresh, "displaced"))
    return NAME


def part(piece, scratch):
    vertices, facets = topology(piece.mesh, scratch)
    label = piece.label.encode("utf-8", "replace")
    colours = runs(piece)
    yield struct.pack("<I", len(label)) + label
    yield struct.pack("<4f", *(piece.look.base if piece.look else GREY))
    yield struct.pack("<I", len(vertices) // 12)
    yield vertices
    yield struct.pack("<I", len(facets) // 12)
    yield facets
    yield struct.pack("<I", len(colours))
    for count, colour in colours:
        yield struct.pack("<I4f", count, *colour)


def topology(mesh, scratch):
    """Both tables as bytes, by way of a PLY file, as a Python object for every vertex takes four times as long."""
    mesh.write(scratch, "PLY")
    with open(scratch, "rb") as file:
        content = file.read()
    start = content.index(b"end_header\n") + len(b"end_header\n")
    end = start + VERTEX * mesh.CountPoints
    if len(content) != end + FACET * mesh.CountFacets:
        raise ValueError("FreeCAD's PLY is not laid out as expected")
    facets = bytearray(content[end:])
    del facets[::FACET]  # The counts, which are all 3.
    return content[start:end], facets


def runs(piece):
    """(triangles, colour) for each stretch of faces of one colour; none where the base colour is all there is."""
    faces = piece.look.faces if piece.look else None
    if not faces or piece.mesh.countSegments() != len(faces):
        return []
    found = []
    for number, colour in enumerate(faces):
        count = len(piece.mesh.getSegment(number))
        if found and found[-1][1] == colour:
            found[-1][0] += count
        else:
            found.append([count, colour])
    return found if sum(count for count, _ in found) == piece.mesh.CountFacets else []
