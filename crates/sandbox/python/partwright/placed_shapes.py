"""The results as checked geometry in global coordinates, one placed shape an object, with its mesh."""

import os

import FreeCAD
import Mesh
import MeshPart
import Part

from . import boxes, colours, results
from .failure import JobError

# Limits of the deviation, as shares of the part's diagonal. Finer, OCCT was seen to run for ten minutes; coarser, a
# small part loses its form.
FINEST, COARSEST = 1 / 20_000, 1 / 100
FINEST_ANGLE = 0.1


class PlacedShape:
    """A result in global coordinates: a `shape` with its `mesh` once tessellated, or a mesh object without a shape.

    `appearance` is None if the script did not colour it.
    """

    def __init__(self, name, label, type, shape, mesh):
        self.name = name
        self.label = label
        self.type = type
        self.shape = shape
        self.mesh = mesh
        self.appearance = None
        self.valid = True
        self.box = (mesh if shape is None else shape).BoundBox


def from_file(format, path):
    """The content of a STEP, STL or OBJ file."""
    name = os.path.basename(path)
    if format == "STEP":
        return PlacedShape(name, name, format, Part.read(path), None)
    return PlacedShape(name, name, format, None, Mesh.Mesh(path))


def place(picked, warnings):
    """Raises `JobError` for the first object without valid geometry."""
    check_states(picked, warnings)
    shapes = []
    for obj in picked.objects:
        names = obj.Name, obj.Label, obj.TypeId
        parent = obj.getParentGeoFeatureGroup()
        frame = parent.getGlobalPlacement() if parent else FreeCAD.Placement()
        if results.is_mesh(obj):
            placed = PlacedShape(*names, None, placed_mesh(obj, frame))
        else:
            # A copy without the faces' meshes: OCCT would reuse any finer mesh that the script has made.
            shape = results.shape_of(obj)
            if not shape.isNull():
                shape = shape.copy(True, False)
                shape.Placement = frame.multiply(shape.Placement)
            placed = PlacedShape(*names, shape, None)
        check(placed)
        placed.appearance = colours.appearance(obj)
        shapes.append(placed)
    return without_mesh_copies(shapes, warnings)


def placed_mesh(obj, frame):
    target = obj.getLinkedObject(True)
    mesh = Mesh.Mesh(target.Mesh)
    mesh.Placement = frame.multiply(obj.Placement)
    # A new mesh from the moved facets, so that no later step can lose the placement.
    points, facets = mesh.Topology
    return Mesh.Mesh((points, facets)) if facets else mesh


def check_states(picked, warnings):
    """Rejects failed features: FreeCAD keeps the last good shape of one, and would export that."""
    used = set(picked.objects)
    for obj in picked.objects:
        used.update(obj.OutListRecursive)
    for obj in picked.document.Objects:
        if "Invalid" not in obj.State:
            continue
        message = f"'{obj.Label}' ({obj.TypeId}) failed: {obj.getStatusString()}"
        if obj in used or results.kind(obj):
            raise JobError("invalid_shape", message, object=obj.Label)
        warnings.append(message)


def check(placed):
    if wrong := flaw(placed):
        raise JobError("invalid_shape", f"'{placed.label}' ({placed.type}) {wrong}.", object=placed.label)


def flaw(placed):
    if placed.shape is None:
        if not placed.mesh.CountFacets:
            return "has no facets"
    elif placed.shape.isNull():
        return "has no shape"
    elif not placed.shape.Vertexes and not placed.shape.Edges:
        return "has an empty shape: its last operation left nothing"
    elif not placed.shape.isValid():
        return "has a shape that is not valid: its faces do not fit together"
    return None if all(abs(number) < 1e100 for number in boxes.sides(placed.box)) else "has no finite size"


def without_mesh_copies(shapes, warnings):
    """Drops a mesh that the script made from its own solid to write an STL: it would double the model."""
    solids = [placed.box for placed in shapes if placed.shape is not None]
    if len(solids) > 1:
        solids.append(boxes.union(solids))
    kept = []
    for placed in shapes:
        if placed.shape is None and any(boxes.alike(placed.box, box, box.DiagonalLength / 50) for box in solids):
            warnings.append(f"The mesh '{placed.label}' is a copy of a solid and was left out of STL and OBJ.")
        else:
            kept.append(placed)
    return kept


def tessellate(shapes, linear, angular, warnings):
    """Gives a mesh to every shape that has faces."""
    coarsened = 0.0
    for placed in shapes:
        if placed.mesh is not None or not placed.shape.Faces:
            continue
        size = placed.box.DiagonalLength
        fitting = min(max(linear, size * FINEST), size * COARSEST)
        if fitting > linear:
            coarsened = max(coarsened, fitting)
        # Segments, one a face, only say which facets belong to which face: the facets and their order stay the same.
        placed.mesh = MeshPart.meshFromShape(
            Shape=placed.shape,
            LinearDeflection=fitting,
            AngularDeflection=max(angular, FINEST_ANGLE),
            Segments=bool(placed.appearance and placed.appearance.faces),
        )
        if not placed.mesh.CountFacets:
            raise JobError("export_failed", f"The mesh of '{placed.label}' has no facets.", object=placed.label)
        placed.box = boxes.tightened(placed.box, placed.mesh.BoundBox, fitting)
    if coarsened:
        warnings.append(f"Meshed with a deviation of {coarsened:.3g} mm: {linear:g} mm is too fine for this size.")
