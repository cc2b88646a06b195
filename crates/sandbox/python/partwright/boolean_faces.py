"""Finds the operand that each face of a boolean comes from; FreeCAD's window colours the faces by it.

FreeCAD does not publish that history. So a point inside the face is looked for on the faces of the operands.
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
# Limit on pairs of faces to compare. Beyond it, all faces look like the first operand.
MAX_PAIRS = 20_000
TOLERANCE = 1e-4  # mm
# Places in a face, as shares of its parameter range, where a point may lie outside all holes.
PLACES = [(u, v) for u in (0.5, 0.31, 0.71, 0.13, 0.91) for v in (0.5, 0.37, 0.67, 0.17, 0.87)]


def operands(obj):
    return [source for name in OPERANDS[obj.TypeId] for source in results.linked(getattr(obj, name))]


def sources(obj, candidates):
    """For each face of a boolean, the numbers (operand, face of it), or None.

    `candidates` are pairs (operand, whether to look at its faces).
    """
    faces = results.shape_of(obj).Faces
    operand_faces = [
        (number, at, face, enlarged(face.BoundBox))
        for number, (operand, wanted) in enumerate(candidates)
        if wanted
        for at, face in enumerate(results.shape_of(operand).Faces)
    ]
    if len(faces) * len(operand_faces) > MAX_PAIRS:
        return [None] * len(faces)
    back = obj.Placement.inverse()
    return [
        source(back.multVec(point), operand_faces) if (point := point_inside(face)) else None for face in faces
    ]


def source(point, operand_faces):
    for number, at, face, box in operand_faces:
        if box.isInside(point) and face.distToShape(Part.Vertex(point))[0] < TOLERANCE:
            return number, at
    return None


def enlarged(box):
    larger = FreeCAD.BoundBox(box)
    larger.enlarge(TOLERANCE)
    return larger


def point_inside(face):
    """A point of the face, or None if the face is too thin to hit."""
    low_u, high_u, low_v, high_v = face.ParameterRange
    for u, v in PLACES:
        u, v = low_u + (high_u - low_u) * u, low_v + (high_v - low_v) * v
        if face.isPartOfDomain(u, v):
            return face.valueAt(u, v)
    return None
