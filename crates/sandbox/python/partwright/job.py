"""One job from the spec to the report. Runs in a fresh process, or in a fork of one that has imported this."""

import errno
import os
import traceback
from functools import partial

import FreeCAD

from . import documents, export, geometry, gui, hand_over, likeness, own_files, pieces, process, script
from .failure import OUT_OF_MEMORY, Failed, describe, is_out_of_memory
from .report import Timings, milliseconds

MESHED = {"STL", "OBJ"}
# Made by the daemon, from the mesh that is handed over to it.
HANDED = {"GLB", "PNG"}
NO_GEOMETRY = (
    "The script left no geometry. Create a document with App.newDocument(), add a solid to it, for example "
    "doc.addObject('Part::Box', 'Box') or doc.addObject('Part::Feature', 'Part').Shape = shape, "
    "and call doc.recompute()."
)


def run(spec, report, snapshot):
    """Runs the script once and sends one result, after everything that was printed has left this process.

    `snapshot` is of the interpreter as it was before anything of the script's.
    """
    timings = Timings(load=milliseconds(report.started), script=0.0, export=0.0)
    outcome = {"outcome": "failed", "error": None, "geometry": None, "files": [], "mesh": None}
    outcome.update(timings_ms=timings, warnings=[])
    outcome["engine"] = "FreeCAD " + ".".join(FreeCAD.Version()[:3])
    snapshot.note_process()
    report.phase("ready")
    try:
        gui.install()
        report.phase("script")
        with timings.of("script"):
            try:
                script.run(spec["script"], spec["display_name"], gui.names(), spec["output"])
            finally:
                process.flush()
                snapshot.restore()
                process.fill_gaps()
        report.phase("export")
        with timings.of("export"), process.quiet_stdout():
            outcome.update(collect(spec, outcome["warnings"], timings))
        outcome["outcome"] = "completed"
    except Failed as failed:
        outcome["error"] = failed.error
    except BaseException as error:
        outcome["error"] = {**unforeseen(error).error, "traceback": traceback.format_exc()}
    process.flush()
    report.result(outcome)


def unforeseen(error):
    """What went wrong outside the script and is nobody's considered verdict."""
    if is_out_of_memory(error):
        return Failed("out_of_memory", OUT_OF_MEMORY)
    if isinstance(error, OSError):
        # What is too large may be made smaller by another script. A directory that is gone, locked or broken may be the
        # runner's fault as well, and no other script is asked for.
        code = "export_failed" if error.errno in (errno.ENOSPC, errno.EFBIG) else "output_unusable"
        return Failed(code, f"The output directory cannot be used: {error.strerror}.")
    return Failed("internal_error", describe(error))


def collect(spec, warnings, timings=None):
    """The model's figures, files and mesh, for the result event."""
    timings = Timings() if timings is None else timings
    output, base_name = spec["output"], spec["base_name"]
    wanted = [format for format in spec["formats"] if format not in HANDED]
    handed = [format for format in spec["formats"] if format in HANDED]
    with timings.of("recompute"):
        documents.settle()
    picked = documents.choose(warnings)
    own = own_files.find(output, base_name, wanted, warnings)
    reopened = picked is None and "FCStd" in own
    if picked is None:
        own_files.adopt(own, output, base_name, warnings)
    if reopened and "FCStd" in own:
        picked = documents.reopen(os.path.join(output, own["FCStd"].name))
    if picked is None:
        if not own.keys() - {"FCStd"}:
            # Nothing, or a document that does not open or holds no model.
            raise Failed("no_geometry", NO_GEOMETRY)
        placed = own_files.as_pieces(paths(own, output))
        missing = [format for format in wanted if format not in own]
        if missing:
            warnings.append(f"No {', '.join(missing)}: the script left no document to make them from.")
    else:
        with timings.of("check"):
            placed = pieces.place(picked, warnings)
    # A script's own files are compared with the meshes, too.
    if handed or (picked and (own or not MESHED.isdisjoint(wanted))):
        with timings.of("mesh"):
            pieces.tessellate(placed, spec["linear_deflection"], spec["angular_deflection"], warnings)
    if picked:
        with timings.of("check"):
            own_files.drop_others(own, output, partial(difference, picked, placed, spec, reopened), warnings)
        own_files.adopt(own, output, base_name, warnings)
    with timings.of("measure"):
        figures = geometry.measure(placed, paths(own, output).get("STL"), warnings) if placed else None
    rest = [format for format in wanted if format not in own] if picked else []
    if picked and "FCStd" in own:
        with timings.of("fcstd"):
            export.complete(paths(own, output)["FCStd"], picked, placed, warnings)
    written = export.write(picked, placed, rest, output, base_name, warnings, timings)
    files = [
        {"format": format, "name": f"{base_name}.{format}", "made_by": "script" if format in own else "runner"}
        for format in wanted
        if format in own or format in written
    ]
    with timings.of("hand_over"):
        mesh = hand_over.write(placed, output) if handed else None
    if handed and not mesh:
        warnings.append(f"No {', '.join(handed)}: the model has only lines, and there is nothing to show.")
    return {"geometry": figures, "files": files, "mesh": mesh}


def difference(picked, placed, spec, reopened, format, path):
    """What tells a script's own file from the model; a document that the model was read from is none other."""
    if reopened and format == "FCStd":
        return None
    return likeness.difference(format, path, picked, placed, spec)


def paths(own, output):
    return {format: os.path.join(output, file.name) for format, file in own.items()}
