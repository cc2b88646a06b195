"""Writes the model's files. Each is checked before it gets its name."""

import os
import resource
import shutil
import tempfile
import zipfile

import FreeCAD
import Import
import Mesh

from . import boxes, colours, gui_document, step_colours
from .failure import JobError, describe, is_out_of_memory
from .formats import flaw, stl_facets


def write(picked, shapes, formats, output, base_name, warnings, timings):
    """Returns the formats written. Leaves out, with a warning, those that cannot hold this model."""
    # Written in a fresh directory beside the target: saveAs over an existing file would leave a backup, and a link or
    # a directory at the target is replaced, not followed.
    fresh = tempfile.mkdtemp(prefix=".export-", dir=output)
    written = []
    try:
        for format in formats:
            unfit = reason_to_leave_out(format, shapes)
            if unfit:
                warnings.append(f"No {format}: {unfit}.")
                continue
            name = f"{base_name}.{format}"
            path = os.path.join(fresh, name)
            with timings.measure(format.lower()):
                wrong = write_one(format, path, picked, shapes, warnings)
            if wrong:
                wrong = space_problem(path) or wrong.replace(path, name)
                raise JobError("export_failed", f"The {format} file could not be written: {wrong}.")
            move_into_place(path, os.path.join(output, name), os.path.join(fresh, f"displaced-{name}"))
            written.append(format)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return written


def write_one(format, path, picked, shapes, warnings):
    """Writes one file; returns what is wrong with it, or None."""
    try:
        wrong = WRITERS[format](path, picked, shapes) or flaw(format, path)
        if not wrong and format in FINISHERS:
            finish(format, path, picked, shapes, warnings)
        return wrong
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return describe(error)


def space_problem(path):
    """The real cause if space ran out, which C++ reports as a file that it cannot open, or not at all."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and os.path.exists(path) and os.path.getsize(path) >= limit:
        return "it is larger than one file may be"
    volume = os.statvfs(os.path.dirname(path))
    return "there is no space left" if volume.f_blocks and not volume.f_bavail else None


def reason_to_leave_out(format, shapes):
    if format in ("STL", "OBJ") and not any(placed.mesh for placed in shapes):
        return "the model has only lines, and this format holds surfaces"
    if format == "STEP" and all(placed.shape is None for placed in shapes):
        return "the model has only meshes, and this format holds exact shapes"
    return None


def write_fcstd(path, picked, shapes):
    picked.document.saveCopy(path)


def write_step(path, picked, shapes):
    """Exports whole containers and not their contents, which keeps hierarchy and placements."""
    shaped = {placed.name for placed in shapes if placed.shape is not None}
    roots = []
    for obj in picked.objects:
        if obj.Name in shaped:
            while parent := obj.getParentGeoFeatureGroup():
                obj = parent
            if obj not in roots:
                roots.append(obj)
    # FreeCAD exports a single object without its placement unless asked, and a single container always; but not two
    # objects, so an empty one is added. FreeCAD's warning about it would only confuse people.
    scratch = None
    if len(roots) == 1 and not roots[0].isDerivedFrom("Part::Feature"):
        scratch = FreeCAD.newDocument("Scratch", hidden=True, temp=True)
        roots.append(scratch.addObject("App::FeatureTest"))
        FreeCAD.setLogLevel("Import", 0)
    # Objects that are parts of others are hidden by now, and stay out.
    Import.export(roots, path, exportHidden=False, keepPlacement=True)
    if scratch:
        FreeCAD.closeDocument(scratch.Name)


def write_stl(path, picked, shapes):
    whole = Mesh.Mesh()
    for placed in shapes:
        if placed.mesh:
            whole.addMesh(placed.mesh)
    whole.write(path, "STL")
    with open(path, "rb") as file:
        found = stl_facets(file, os.path.getsize(path))
    if found != whole.CountFacets:
        return f"it has {found} facets and not {whole.CountFacets}"


def write_obj(path, picked, shapes):
    """Written here: FreeCAD's writer has Latin-1 group names and 6 decimals, which are too few for tiny parts."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        before = 1
        for placed in shapes:
            if not placed.mesh:
                continue
            points, facets = placed.mesh.Topology
            # A name is one word in OBJ.
            file.write(f"g {'_'.join(placed.label.split()) or placed.name}\n")
            file.writelines(map("v {0.x:.9g} {0.y:.9g} {0.z:.9g}\n".format, points))
            file.writelines(f"f {a + before} {b + before} {c + before}\n" for a, b, c in facets)
            before += len(points)


def finish(format, path, picked, shapes, warnings):
    """Adds the colours, which FreeCAD writes only with a window. If that fails, the file stays without them."""
    try:
        FINISHERS[format](path, picked, shapes)
    except Exception as error:
        if is_out_of_memory(error) or isinstance(error, OSError):
            raise
        warnings.append(f"The {format} file has no colours: {describe(error)}.")


def finish_fcstd(path, picked, shapes):
    gui_document.add(path, picked.document, boxes.union(placed.box for placed in shapes))


def finish_step(path, picked, shapes):
    if coloured := colours.by_label(picked.objects):
        step_colours.add(path, coloured)


WRITERS = {"FCStd": write_fcstd, "STEP": write_step, "STL": write_stl, "OBJ": write_obj}
FINISHERS = {"FCStd": finish_fcstd, "STEP": finish_step}


def finish_script_fcstd(path, picked, shapes, warnings):
    """Makes the script's own FCStd open with its objects visible. Works on a copy, so that a failure cannot harm it."""
    try:
        if not gui_document.is_missing(path, picked.document):
            return
        with tempfile.TemporaryDirectory(prefix=".export-", dir=os.path.dirname(path)) as fresh:
            copy = shutil.copyfile(path, os.path.join(fresh, "copy"))
            finish("FCStd", copy, picked, shapes, warnings)
            os.replace(copy, path)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        warnings.append(f"The script's own FCStd opens with its objects hidden: {describe(error)}.")


def move_into_place(path, target, displaced):
    """Gives a checked file its name. A directory that the script left at `target` is moved to `displaced`."""
    if os.path.isdir(target) and not os.path.islink(target):
        os.rename(target, displaced)
    os.replace(path, target)
