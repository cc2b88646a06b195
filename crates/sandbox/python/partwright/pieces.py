"""The results as placed geometry: one piece an object, checked, with its mesh."""

import FreeCAD
import Mesh
import MeshPart

from . import looks, results
from .failure import Failed

# Share of the part's diagonal. Below the first, OCCT was seen to run for ten minutes; above the second a small
# part turns into a lump.
FINEST, COARSEST = 1 / 20_000, 1 / 100
FINEST_ANGLE = 0.1


class Piece:
    """A result in global coordinates: `shape`, or for a mesh object None; `mesh` once tessellated.

    `look` where the script coloured it.
    """

    def __init__(self, name, label, type, shape, mesh):
        self.name = name
        self.label = label
        self.type = type
        self.shape = shape
        self.mesh = mesh
        self.look = None
        self.valid = True
        self.box = (mesh if shape is None else shape).BoundBox


def place(picked, warnings):
    """Raises `Failed` for the first object that is no valid geometry."""
    check_states(picked, warnings)
    pieces = []
    for thing in picked.objects:
        names = thing.Name, thing.Label, thing.TypeId
        parent = thing.getParentGeoFeatureGroup()
        frame = parent.getGlobalPlacement() if parent else FreeCAD.Placement()
        if results.kind(thing) == "mesh" or (results.kind(thing) == "link" and results.links_mesh(thing)):
            piece = Piece(*names, None, placed_mesh(thing, frame))
        else:
            # A copy without the faces' meshes: OCCT would reuse any finer mesh the script has made.
            shape = results.shape_of(thing)
            if not shape.isNull():
                shape = shape.copy(True, False)
                shape.Placement = frame.multiply(shape.Placement)
            piece = Piece(*names, shape, None)
        check(piece)
        piece.look = looks.look(thing)
        pieces.append(piece)
    return without_mesh_copies(pieces, warnings)


def placed_mesh(thing, frame):
    target = thing.getLinkedObject(True)
    mesh = Mesh.Mesh(target.Mesh)
    mesh.Placement = frame.multiply(thing.Placement)
    # A fresh mesh from the moved facets, so that no later step can forget the placement.
    points, facets = mesh.Topology
    return Mesh.Mesh((points, facets)) if facets else mesh


def check_states(picked, warnings):
    """FreeCAD keeps the last good shape of a feature that failed, and would export that."""
    holding = set(picked.objects)
    for thing in picked.objects:
        holding.update(thing.OutListRecursive)
    for thing in picked.document.Objects:
        if "Invalid" not in thing.State:
            continue
        said = f"'{thing.Label}' ({thing.TypeId}) failed: {thing.getStatusString()}"
        if thing in holding or results.kind(thing):
            raise Failed("invalid_shape", said, object=thing.Label)
        warnings.append(said)


def check(piece):
    if piece.shape is None:
        wrong = "has no facets" if not piece.mesh.CountFacets else None
    elif piece.shape.isNull():
        wrong = "has no shape"
    elif not piece.shape.Vertexes and not piece.shape.Edges:
        wrong = "has an empty shape: nothing is left of it after its last operation"
    elif not piece.shape.isValid():
        wrong = "has a shape that is not valid: its faces do not fit together"
    else:
        wrong = None
    if not wrong:
        box = piece.box
        if not all(abs(number) < 1e100 for number in (*corner(box, "Min"), *corner(box, "Max"))):
            wrong = "has no finite size"
    if wrong:
        raise Failed("invalid_shape", f"'{piece.label}' ({piece.type}) {wrong}.", object=piece.label)


def corner(box, end):
    return [getattr(box, axis + end) for axis in "XYZ"]


def without_mesh_copies(pieces, warnings):
    """Drops a mesh that a script made from its own solid to write an STL: it would double the model."""
    solids = [piece for piece in pieces if piece.shape is not None]
    boxes = [piece.box for piece in solids]
    if len(boxes) > 1:
        whole = FreeCAD.BoundBox()
        for box in boxes:
            whole.add(box)
        boxes.append(whole)
    kept = []
    for piece in pieces:
        if piece.shape is None and any(alike(piece.box, box) for box in boxes):
            warnings.append(f"The mesh '{piece.label}' is a copy of a solid and was left out of STL and OBJ.")
        else:
            kept.append(piece)
    return kept


def alike(one, other):
    slack = other.DiagonalLength / 50
    return all(
        abs(a - b) <= slack
        for end in ("Min", "Max")
        for a, b in zip(corner(one, end), corner(other, end))
    )


def tessellate(pieces, linear, angular, warnings):
    """Gives every piece with faces its mesh."""
    coarsened = 0.0
    for piece in pieces:
        if piece.mesh is not None or not piece.shape.Faces:
            continue
        size = piece.box.DiagonalLength
        fitting = min(max(linear, size * FINEST), size * COARSEST)
        if fitting > linear:
            coarsened = max(coarsened, fitting)
        # Segments, one a face, only tell which facets are whose: the facets and their order are the same.
        piece.mesh = MeshPart.meshFromShape(
            Shape=piece.shape,
            LinearDeflection=fitting,
            AngularDeflection=max(angular, FINEST_ANGLE),
            Segments=bool(piece.look and piece.look.faces),
        )
        if not piece.mesh.CountFacets:
            raise Failed("export_failed", f"STL: no facets came of '{piece.label}'.", object=piece.label)
        piece.box = tightened(piece.box, piece.mesh.BoundBox, fitting)
    if coarsened:
        warnings.append(f"Meshed with a deviation of {coarsened:.3g} mm: {linear:g} mm is too fine for this size.")


def tightened(outer, inner, deviation):
    """OCCT's box may be far too large for curved faces; the mesh's is too small by the deviation at most.

    So each side of the outer box stands where the mesh confirms it, and gives way to the mesh's elsewhere.
    """
    sides = [
        far if abs(far - near) <= deviation else near
        for end in ("Min", "Max")
        for far, near in zip(corner(outer, end), corner(inner, end))
    ]
    return FreeCAD.BoundBox(*sides)
