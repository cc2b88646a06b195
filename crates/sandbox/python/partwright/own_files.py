"""Takes the files that the script exported by itself into the output directory."""

import os

import Mesh
import Part

from .failure import describe, is_out_of_memory
from .formats import EXTENSIONS, flaw
from .likeness import STALE
from .pieces import Piece


class Own:
    """A script's own file: `named` as the model's files are, but for how its extension is spelt."""

    def __init__(self, name, named):
        self.name = name
        self.named = named


def find(output, base_name, formats, warnings):
    """The sound files by format, still under the names that the script gave them."""
    own = {}
    entries = sorted(os.listdir(output))
    for format in formats:
        wanted = f"{base_name}.{format}"
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
        own[format] = Own(max(valid, key=lambda name: (name == wanted, written(output, name))), bool(named))
    return own


def extension(name):
    return os.path.splitext(name)[1][1:].lower()


def written(output, name):
    return os.lstat(os.path.join(output, name)).st_mtime_ns


def drop_others(own, output, difference, warnings):
    """Leaves out files that are not the model, so that the runner makes them; `difference` tells what is other.

    A script that exports only a lid did not mean to replace the model by that. What it wrote under the model's own
    name is kept, but for a document that was saved too early: that is the model, only older than all other files.
    """
    for format, file in list(own.items()):
        try:
            wrong = difference(format, os.path.join(output, file.name))
        except Exception as error:
            if is_out_of_memory(error):
                raise
            if file.named:
                continue
            wrong = f"it cannot be compared ({describe(error)})"
        if wrong and file.named and wrong != STALE:
            warnings.append(f"The script's own {file.name} differs from the model: {wrong}. It was kept for its name.")
        elif wrong:
            del own[format]
            warnings.append(f"The script's own {file.name} is not the model: {wrong}. The {format} was made anew.")


def adopt(own, output, base_name, warnings):
    """Gives the files their canonical names, and leaves out those that cannot have them."""
    for format, file in list(own.items()):
        wanted = f"{base_name}.{format}"
        if file.name == wanted:
            continue
        try:
            os.replace(os.path.join(output, file.name), os.path.join(output, wanted))
            file.name = wanted
        except OSError as error:
            del own[format]
            warnings.append(f"The script's own {file.name} was not used: {error.strerror}.")


def as_pieces(paths):
    """The model as its exact file, else its mesh, describes it; for scripts that left no document."""
    for format, read in (("STEP", Part.read), ("STL", Mesh.Mesh), ("OBJ", Mesh.Mesh)):
        if format in paths:
            name = os.path.basename(paths[format])
            content = read(paths[format])
            exact = format == "STEP"
            piece = Piece(name, name, format, content if exact else None, None if exact else content)
            piece.valid = not exact or content.isValid()
            return [piece]
    return []
