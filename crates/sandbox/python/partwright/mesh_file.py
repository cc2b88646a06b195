"""Writes the mesh file, from which the runner makes the GLB file and the picture.

`mesh.pwm` is little endian. Header: "PWM1", u32 number of parts. Each part: u32 length and UTF-8 label; 4 f32 base
colour (RGBA); u32 number of vertices, 3 f32 each (mm, global coordinates); u32 number of triangles, 3 u32 each;
u32 number of colour runs, each a u32 number of triangles and 4 f32 colour. The runs cover all triangles in order;
a part without runs has the base colour.
"""

import os
import struct
import tempfile

from .colours import GREY
from .export import move_into_place, space_problem
from .failure import JobError, describe, is_out_of_memory

NAME = "mesh.pwm"
VERTEX, FACET = 12, 13  # Bytes in FreeCAD's PLY: three f32; a count of one byte and three u32.


def write(shapes, output):
    """Returns the file's name, or None if no shape has a mesh."""
    meshed = [placed for placed in shapes if placed.mesh]
    if not meshed:
        return None
    # Written in a fresh directory: a link that the script left under this name is replaced, not followed.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=output) as fresh:
        path = os.path.join(fresh, NAME)
        try:
            with open(path, "wb") as file:
                file.write(b"PWM1" + struct.pack("<I", len(meshed)))
                for placed in meshed:
                    file.writelines(part(placed, os.path.join(fresh, "part.ply")))
        except Exception as error:
            if is_out_of_memory(error):
                raise
            wrong = space_problem(path) or describe(error)
            raise JobError("export_failed", f"The mesh for GLB and PNG could not be written: {wrong}.") from None
        move_into_place(path, os.path.join(output, NAME), os.path.join(fresh, "displaced"))
    return NAME


def part(placed, scratch):
    vertices, facets = topology(placed.mesh, scratch)
    label = placed.label.encode("utf-8", "replace")
    runs = colour_runs(placed)
    yield struct.pack("<I", len(label)) + label
    yield struct.pack("<4f", *(placed.appearance.base if placed.appearance else GREY))
    yield struct.pack("<I", len(vertices) // 12)
    yield vertices
    yield struct.pack("<I", len(facets) // 12)
    yield facets
    yield struct.pack("<I", len(runs))
    for count, colour in runs:
        yield struct.pack("<I4f", count, *colour)


def topology(mesh, scratch):
    """Vertices and facets as bytes, through a PLY file: one Python object a vertex would take four times as long."""
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


def colour_runs(placed):
    """(triangles, colour) for each run of faces of one colour; empty if the base colour covers everything."""
    faces = placed.appearance.faces if placed.appearance else None
    if not faces or placed.mesh.countSegments() != len(faces):
        return []
    runs = []
    for number, colour in enumerate(faces):
        count = len(placed.mesh.getSegment(number))
        if runs and runs[-1][1] == colour:
            runs[-1][0] += count
        else:
            runs.append([count, colour])
    return runs if sum(count for count, _ in runs) == placed.mesh.CountFacets else []
