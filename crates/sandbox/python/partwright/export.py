"""Writes the model's files, each checked before it gets its name."""

import os
import resource
import shutil
import tempfile
import zipfile

import FreeCAD
import Import
import Mesh

from . import geometry, gui_document, looks, step_colours
from .failure import Failed, describe, is_out_of_memory
from .formats import flaw, stl_facets


def write(picked, pieces, formats, output, base_name, warnings, timings):
    """Returns the formats written; leaves out, with a warning, those that cannot hold this model."""
    # A fresh directory beside the target: saveAs over an existing file leaves a backup, and a link or a directory
    # that stands at the target is replaced and not followed.
    fresh = tempfile.mkdtemp(prefix=".export-", dir=output)
    written = []
    try:
        for format in formats:
            unfit = reason_to_leave_out(format, pieces)
            if unfit:
                warnings.append(f"No {format}: {unfit}.")
                continue
            name = f"{base_name}.{format}"
            made = os.path.join(fresh, name)
            with timings.of(format.lower()):
                wrong = made_wrong(format, made, picked, pieces, warnings)
            if wrong:
                wrong = no_room(made) or wrong.replace(made, name)
                raise Failed("export_failed", f"The {format} file could not be written: {wrong}.")
            put(made, os.path.join(output, name), os.path.join(fresh, f"displaced-{name}"))
            written.append(format)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return written


def made_wrong(format, path, picked, pieces, warnings):
    """Writes one file; returns what is wrong with it, or None."""
    try:
        wrong = WRITERS[format](path, picked, pieces) or flaw(format, path)
        if not wrong and format in FINISHERS:
            finish(format, path, picked, pieces, warnings)
        return wrong
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return describe(error)


def no_room(path):
    """The true cause where space ran out: C++ then says that it cannot open the file, or nothing."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and os.path.exists(path) and os.path.getsize(path) >= limit:
        return "it is larger than one file may be"
    room = os.statvfs(os.path.dirname(path))
    return "there is no space left" if room.f_blocks and not room.f_bavail else None


def reason_to_leave_out(format, pieces):
    if format in ("STL", "OBJ") and not any(piece.mesh for piece in pieces):
        return "the model has only lines, and this format holds surfaces"
    if format == "STEP" and all(piece.shape is None for piece in pieces):
        return "the model has only meshes, and this format holds exact shapes"
    return None


def write_fcstd(path, picked, pieces):
    picked.document.saveCopy(path)


def write_step(path, picked, pieces):
    """Whole containers and not their contents, so that hierarchy and placements come out."""
    shaped = {piece.name for piece in pieces if piece.shape is not None}
    roots = []
    for thing in picked.objects:
        if thing.Name in shaped:
            while parent := thing.getParentGeoFeatureGroup():
                thing = parent
            if thing not in roots:
                roots.append(thing)
    # A sole object is exported without its placement unless asked, and a sole container even then; but not when
    # there are two, so an empty one goes along. FreeCAD's complaint about it would only puzzle people.
    scratch = None
    if len(roots) == 1 and not roots[0].isDerivedFrom("Part::Feature"):
        scratch = FreeCAD.newDocument("Scratch", hidden=True, temp=True)
        roots.append(scratch.addObject("App::FeatureTest"))
        FreeCAD.setLogLevel("Import", 0)
    # What went into other objects is hidden by now, and stays out.
    Import.export(roots, path, exportHidden=False, keepPlacement=True)
    if scratch:
        FreeCAD.closeDocument(scratch.Name)


def write_stl(path, picked, pieces):
    whole = Mesh.Mesh()
    for piece in pieces:
        if piece.mesh:
            whole.addMesh(piece.mesh)
    whole.write(path, "STL")
    with open(path, "rb") as file:
        found = stl_facets(file, os.path.getsize(path))
    if found != whole.CountFacets:
        return f"it has {found} facets and not {whole.CountFacets}"


def write_obj(path, picked, pieces):
    """Written here: FreeCAD's writer spells group names in Latin-1 and rounds to 6 decimals, too few for tiny parts."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        before = 1
        for piece in pieces:
            if not piece.mesh:
                continue
            points, facets = piece.mesh.Topology
            # A name is one word in OBJ.
            file.write(f"g {'_'.join(piece.label.split()) or piece.name}\n")
            file.writelines(map("v {0.x:.9g} {0.y:.9g} {0.z:.9g}\n".format, points))
            file.writelines(f"f {a + before} {b + before} {c + before}\n" for a, b, c in facets)
            before += len(points)


def finish(format, path, picked, pieces, warnings):
    """Adds what FreeCAD adds only with a window. A model without it is better than none."""
    try:
        FINISHERS[format](path, picked, pieces)
    except Exception as error:
        if is_out_of_memory(error) or isinstance(error, OSError):
            raise
        warnings.append(f"The {format} is without colours: {describe(error)}.")


def finish_fcstd(path, picked, pieces):
    gui_document.add(path, picked.document, geometry.whole_box(pieces))


def finish_step(path, picked, pieces):
    if coloured := looks.by_label(picked.objects):
        step_colours.add(path, coloured)


FINISHERS = {"FCStd": finish_fcstd, "STEP": finish_step}


def complete(path, picked, pieces, warnings):
    """Makes a script's own FCStd open with its objects visible; on a copy, so that it never gets worse."""
    try:
        if not gui_document.belongs(path, picked.document):
            return
        with tempfile.TemporaryDirectory(prefix=".export-", dir=os.path.dirname(path)) as fresh:
            made = shutil.copyfile(path, os.path.join(fresh, "copy"))
            finish("FCStd", made, picked, pieces, warnings)
            os.replace(made, path)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        warnings.append(f"The script's own FCStd opens with its objects hidden: {describe(error)}.")


WRITERS = {"FCStd": write_fcstd, "STEP": write_step, "STL": write_stl, "OBJ": write_obj}


def put(made, target, aside):
    """Gives a checked file its name; a directory that a script left there is moved out, to be deleted."""
    if os.path.isdir(target) and not os.path.islink(target):
        os.rename(target, aside)
    os.replace(made, target)
