"""Bounding boxes: their sides, their union and how to compare them."""

import FreeCAD


def corner(box, end):
    """The coordinates of the corner at `end`, "Min" or "Max"."""
    return [getattr(box, axis + end) for axis in "XYZ"]


def sides(box):
    return [*corner(box, "Min"), *corner(box, "Max")]


def union(boxes):
    whole = FreeCAD.BoundBox()
    for box in boxes:
        whole.add(box)
    return whole


def alike(one, other, slack):
    """Whether each side of one box is at most `slack` mm away from the other's."""
    return all(abs(a - b) <= slack for a, b in zip(sides(one), sides(other)))


def tightened(outer, inner, deviation):
    """A closer box from OCCT's box of a shape (`outer`) and the box of its mesh (`inner`).

    OCCT's box may be far too large for curved faces. The mesh's box is too small by at most the deviation. So a side
    of the outer box stays where the mesh's side is that close, and the mesh's side replaces it elsewhere.
    """
    pairs = zip(sides(outer), sides(inner))
    return FreeCAD.BoundBox(*(far if abs(far - near) <= deviation else near for far, near in pairs))
