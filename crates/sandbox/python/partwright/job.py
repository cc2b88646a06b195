"""Runs one job, from its spec to its report, in a fresh process or in a fork of one that has imported this module."""

import errno
import os
import traceback
from functools import partial

import FreeCAD

from . import compare, documents, export, geometry, gui, mesh_file, placed_shapes, process, script, script_outputs
from .failure import OUT_OF_MEMORY, JobError, describe, is_out_of_memory
from .report import Timings, milliseconds

MESH_FORMATS = {"STL", "OBJ"}
# Formats that the runner makes from the mesh file.
RENDERED = {"GLB", "PNG"}
NO_GEOMETRY = (
    "The script left no geometry. Create a document with App.newDocument(), add a solid to it, for example "
    "doc.addObject('Part::Box', 'Box') or doc.addObject('Part::Feature', 'Part').Shape = shape, "
    "and call doc.recompute()."
)


def run(spec, report, snapshot):
    """Runs the script once and sends one result, after all printed text has left this process.

    `snapshot` holds the state of the interpreter before the script.
    """
    timings = Timings(load=milliseconds(report.started), script=0.0, export=0.0)
    outcome = {"outcome": "failed", "error": None, "geometry": None, "files": [], "mesh": None}
    outcome.update(timings_ms=timings, warnings=[])
    outcome["engine"] = "FreeCAD " + ".".join(FreeCAD.Version()[:3])
    snapshot.save_process_state()
    report.phase("ready")
    try:
        gui.install()
        report.phase("script")
        with timings.measure("script"):
            try:
                script.run(spec["script"], spec["display_name"], gui.names(), spec["output"])
            finally:
                process.flush()
                snapshot.restore()
                process.reopen_standard_streams()
        report.phase("export")
        with timings.measure("export"), process.quiet_stdout():
            outcome.update(collect(spec, outcome["warnings"], timings))
        outcome["outcome"] = "completed"
    except JobError as error:
        outcome["error"] = error.error
    except BaseException as error:
        outcome["error"] = {**unexpected(error).error, "traceback": traceback.format_exc()}
    process.flush()
    report.result(outcome)


def unexpected(error):
    """The job error for an exception outside the script."""
    if is_out_of_memory(error):
        return JobError("out_of_memory", OUT_OF_MEMORY)
    if isinstance(error, OSError):
        # Another script may produce smaller files. A directory that is missing, locked or broken may be the runner's
        # fault, so that code does not ask for another script.
        code = "export_failed" if error.errno in (errno.ENOSPC, errno.EFBIG) else "output_unusable"
        return JobError(code, f"The output directory cannot be used: {error.strerror}.")
    return JobError("internal_error", describe(error))


def collect(spec, warnings, timings=None):
    """The model's measures, files and mesh, for the result event."""
    timings = Timings() if timings is None else timings
    output, base_name = spec["output"], spec["base_name"]
    wanted = [format for format in spec["formats"] if format not in RENDERED]
    rendered = [format for format in spec["formats"] if format in RENDERED]
    with timings.measure("recompute"):
        documents.recompute()
    picked = documents.choose(warnings)
    outputs = script_outputs.find(output, base_name, wanted, warnings)
    reopened = picked is None and "FCStd" in outputs
    if picked is None:
        script_outputs.use_canonical_names(outputs, output, base_name, warnings)
    if reopened and "FCStd" in outputs:
        picked = documents.reopen(os.path.join(output, outputs["FCStd"].name))
    if picked is None:
        if not outputs.keys() - {"FCStd"}:
            # No files, or only a document that does not open or holds no model.
            raise JobError("no_geometry", NO_GEOMETRY)
        shapes = script_outputs.as_shapes(paths(outputs, output))
        missing = [format for format in wanted if format not in outputs]
        if missing:
            warnings.append(f"No {', '.join(missing)}: the script left no document to make them from.")
    else:
        with timings.measure("check"):
            shapes = placed_shapes.place(picked, warnings)
    # Comparing the script's own files also takes meshes.
    if rendered or (picked and (outputs or not MESH_FORMATS.isdisjoint(wanted))):
        with timings.measure("mesh"):
            placed_shapes.tessellate(shapes, spec["linear_deflection"], spec["angular_deflection"], warnings)
    if picked:
        with timings.measure("check"):
            differs = partial(difference, picked, shapes, spec, reopened)
            script_outputs.drop_different(outputs, output, differs, warnings)
        script_outputs.use_canonical_names(outputs, output, base_name, warnings)
    with timings.measure("measure"):
        measures = geometry.measure(shapes, paths(outputs, output).get("STL"), warnings) if shapes else None
    rest = [format for format in wanted if format not in outputs] if picked else []
    if picked and "FCStd" in outputs:
        with timings.measure("fcstd"):
            export.finish_script_fcstd(paths(outputs, output)["FCStd"], picked, shapes, warnings)
    written = export.write(picked, shapes, rest, output, base_name, warnings, timings)
    files = [
        {"format": format, "name": f"{base_name}.{format}", "made_by": "script" if format in outputs else "runner"}
        for format in wanted
        if format in outputs or format in written
    ]
    with timings.measure("hand_over"):
        mesh = mesh_file.write(shapes, output) if rendered else None
    if rendered and not mesh:
        warnings.append(f"No {', '.join(rendered)}: the model has only lines, and there is nothing to show.")
    return {"geometry": measures, "files": files, "mesh": mesh}


def difference(picked, shapes, spec, reopened, format, path):
    """How a script's own file differs from the model; a document that the model was read from cannot differ."""
    if reopened and format == "FCStd":
        return None
    return compare.difference(format, path, picked, shapes, spec)


def paths(outputs, output):
    return {format: os.path.join(output, file.name) for format, file in outputs.items()}
