"""The figures of the model."""

import FreeCAD
import Mesh

from .pieces import corner

LISTED_OBJECTS = 100


def measure(pieces, stl, warnings):
    """Figures of placed pieces, in mm; None where a figure does not apply.

    The mesh figures are those of the script's own STL when there is one, else of the pieces' meshes.
    """
    whole = whole_box(pieces)
    area, volume, moment, solids, faces = 0.0, 0.0, FreeCAD.Vector(), 0, 0
    for piece in pieces:
        if piece.shape is None:
            area += piece.mesh.Area
            if piece.mesh.isSolid():
                part, centre = mesh_volume(piece.mesh)
                volume += part
                moment += centre * part
                solids += 1
            continue
        area += piece.shape.Area
        faces += len(piece.shape.Faces)
        for solid in piece.shape.Solids:
            if solid.Volume < 0:
                warnings.append(f"'{piece.label}' is inside out: its volume is negative.")
            volume += solid.Volume
            moment += solid.CenterOfMass * solid.Volume
            solids += 1
    meshes = [Mesh.Mesh(stl)] if stl else [piece.mesh for piece in pieces if piece.mesh is not None]
    return {
        "volume_mm3": volume if solids else None,
        "area_mm2": area or None,
        "center_of_mass": list(moment / volume) if volume else None,
        "bounding_box": {"min": corner(whole, "Min"), "max": corner(whole, "Max")},
        "solids": solids,
        "faces": faces,
        "facets": sum(mesh.CountFacets for mesh in meshes) if meshes else None,
        "watertight": all(mesh.isSolid() for mesh in meshes) if meshes else None,
        "valid": all(piece.valid for piece in pieces),
        "objects": [
            {"name": piece.name, "label": piece.label, "type": piece.type} for piece in pieces[:LISTED_OBJECTS]
        ],
    }


def whole_box(pieces):
    whole = FreeCAD.BoundBox()
    for piece in pieces:
        whole.add(piece.box)
    return whole


def mesh_volume(mesh):
    """Volume and centroid, summed over the tetrahedra from one point to every facet."""
    points, facets = mesh.Topology
    origin = points[0]
    volume, moment = 0.0, FreeCAD.Vector()
    for a, b, c in facets:
        a, b, c = points[a] - origin, points[b] - origin, points[c] - origin
        part = a.dot(b.cross(c)) / 6
        volume += part
        moment += (a + b + c) * (part / 4)
    return volume, origin + moment / volume if volume else origin
