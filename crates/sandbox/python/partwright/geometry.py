"""The model's measures: volume, area, bounding box and counts."""

import FreeCAD
import Mesh

from .boxes import corner, union

LISTED_OBJECTS = 100


def measure(shapes, stl, warnings):
    """Measures placed shapes, in mm; None for a measure that does not apply.

    Facets are counted in the script's own STL file (`stl`) if there is one, else in the shapes' meshes.
    """
    whole = union(placed.box for placed in shapes)
    area, volume, moment, solids, faces = 0.0, 0.0, FreeCAD.Vector(), 0, 0
    for placed in shapes:
        if placed.shape is None:
            area += placed.mesh.Area
            if placed.mesh.isSolid():
                part, centre = mesh_volume(placed.mesh)
                volume += part
                moment += centre * part
                solids += 1
            continue
        area += placed.shape.Area
        faces += len(placed.shape.Faces)
        for solid in placed.shape.Solids:
            if solid.Volume < 0:
                warnings.append(f"'{placed.label}' is inside out: its volume is negative.")
            volume += solid.Volume
            moment += solid.CenterOfMass * solid.Volume
            solids += 1
    meshes = [Mesh.Mesh(stl)] if stl else [placed.mesh for placed in shapes if placed.mesh is not None]
    return {
        "volume_mm3": volume if solids else None,
        "area_mm2": area or None,
        "center_of_mass": list(moment / volume) if volume else None,
        "bounding_box": {"min": corner(whole, "Min"), "max": corner(whole, "Max")},
        "solids": solids,
        "faces": faces,
        "facets": sum(mesh.CountFacets for mesh in meshes) if meshes else None,
        "watertight": all(mesh.isSolid() for mesh in meshes) if meshes else None,
        "valid": all(placed.valid for placed in shapes),
        "objects": [
            {"name": placed.name, "label": placed.label, "type": placed.type} for placed in shapes[:LISTED_OBJECTS]
        ],
    }


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
