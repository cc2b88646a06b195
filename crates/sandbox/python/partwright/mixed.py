"""Tells which operand each face of a boolean comes from, as the window does to colour it.

FreeCAD keeps that history to itself, so it is found by place: a point inside the face lies on a face of the operand.
"""

import FreeCAD
import Part

from . import results

OPERANDS = {
    "Part::Cut": ("Base", "Tool"),
    "Part::Fuse": ("Base", "Tool"),
    "Part::Common": ("Base", "Tool"),
    "Part::MultiFuse": ("Shapes",),
    "Part::MultiCommon": ("Shapes",),
}
# Pairs of faces to compare at most; beyond, all faces look like the first operand.
MOST_PAIRS = 20_000
NEAR = 1e-4
# Where in a face to look for a point that no hole has taken.
PLACES = [(u, v) for u in (0.5, 0.31, 0.71, 0.13, 0.91) for v in (0.5, 0.37, 0.67, 0.17, 0.87)]


def operands(thing):
    return [source for name in OPERANDS[thing.TypeId] for source in results.linked(getattr(thing, name))]


def sources(thing, candidates):
    """For each face of a boolean, (operand, its face) by number, or None; `candidates` are (operand, wanted)."""
    faces = results.shape_of(thing).Faces
    theirs = [
        (number, at, face, grown(face.BoundBox))
        for number, (operand, wanted) in enumerate(candidates)
        if wanted
        for at, face in enumerate(results.shape_of(operand).Faces)
    ]
    if len(faces) * len(theirs) > MOST_PAIRS:
        return [None] * len(faces)
    back = thing.Placement.inverse()
    return [source(back.multVec(point), theirs) if (point := inside(face)) else None for face in faces]


def source(point, theirs):
    for number, at, face, box in theirs:
        if box.isInside(point) and face.distToShape(Part.Vertex(point))[0] < NEAR:
            return number, at
    return None


def grown(box):
    wider = FreeCAD.BoundBox(box)
    wider.enlarge(NEAR)
    return wider


def inside(face):
    """A point of the face, or None where it is too thin to hit."""
    low_u, high_u, low_v, high_v = face.ParameterRange
    for u, v in PLACES:
        u, v = low_u + (high_u - low_u) * u, low_v + (high_v - low_v) * v
        if face.isPartOfDomain(u, v):
            return face.valueAt(u, v)
    return None
