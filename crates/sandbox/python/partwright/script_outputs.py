"""Takes over the files that the script itself exported into the output directory."""

import os

from . import placed_shapes
from .compare import STALE
from .failure import describe, is_out_of_memory
from .formats import EXTENSIONS, flaw


class ScriptOutput:
    """A file that the script exported.

    `has_model_name` says whether it is named as the model's files are, whatever the spelling of its extension.
    """

    def __init__(self, name, has_model_name):
        self.name = name
        self.has_model_name = has_model_name


def find(output, base_name, formats, warnings):
    """The usable files by format, still under the script's names."""
    outputs = {}
    entries = sorted(os.listdir(output))
    for format in formats:
        canonical = f"{base_name}.{format}"
        found = [name for name in entries if extension(name) in EXTENSIONS[format]]
        named = [name for name in found if os.path.splitext(name)[0] == base_name]
        valid = []
        for name in named or found:
            wrong = flaw(format, os.path.join(output, name))
            if not wrong:
                valid.append(name)
            elif named:
                warnings.append(f"The script's own {name} was not used: {wrong}.")
        if not valid or (not named and len(valid) > 1):
            continue
        newest = max(valid, key=lambda name: (name == canonical, modified(output, name)))
        outputs[format] = ScriptOutput(newest, bool(named))
    return outputs


def extension(name):
    return os.path.splitext(name)[1][1:].lower()


def modified(output, name):
    return os.lstat(os.path.join(output, name)).st_mtime_ns


def drop_different(outputs, output, difference, warnings):
    """Drops the files that are not the model; the runner writes its own. `difference` compares one file.

    A script that exports only a lid did not mean that file as the model. A file under the model's own name is kept,
    unless it is a document that was saved too early: that is an older state of the model.
    """
    for format, file in list(outputs.items()):
        try:
            wrong = difference(format, os.path.join(output, file.name))
        except Exception as error:
            if is_out_of_memory(error):
                raise
            if file.has_model_name:
                continue
            wrong = f"it cannot be compared ({describe(error)})"
        if wrong and file.has_model_name and wrong != STALE:
            warnings.append(
                f"The script's own {file.name} differs from the model: {wrong}. It was kept because of its name."
            )
        elif wrong:
            del outputs[format]
            warnings.append(
                f"The script's own {file.name} is not the model: {wrong}. The runner wrote another {format} file."
            )


def use_canonical_names(outputs, output, base_name, warnings):
    """Renames the files to their canonical names, and drops those that cannot be renamed."""
    for format, file in list(outputs.items()):
        canonical = f"{base_name}.{format}"
        if file.name == canonical:
            continue
        try:
            os.replace(os.path.join(output, file.name), os.path.join(output, canonical))
            file.name = canonical
        except OSError as error:
            del outputs[format]
            warnings.append(f"The script's own {file.name} was not used: {error.strerror}.")


def as_shapes(paths):
    """The model read from its exact file, else from its mesh, for scripts that left no document."""
    for format in ("STEP", "STL", "OBJ"):
        if format in paths:
            placed = placed_shapes.from_file(format, paths[format])
            placed.valid = placed.shape is None or placed.shape.isValid()
            return [placed]
    return []
