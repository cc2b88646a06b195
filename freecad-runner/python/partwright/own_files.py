"""Takes the files that the script exported by itself into the output directory."""

import os

import Mesh
import Part

from .formats import EXTENSIONS, flaw
from .pieces import Piece


def take(output, base_name, formats, warnings):
    """Formats whose file is the script's own, each now under its canonical name."""
    taken = set()
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
        best = max(valid, key=lambda name: (name == wanted, written(output, name)))
        if best != wanted and replace(output, best, wanted, warnings):
            taken.add(format)
        elif best == wanted:
            taken.add(format)
    return taken


def extension(name):
    return os.path.splitext(name)[1][1:].lower()


def written(output, name):
    return os.lstat(os.path.join(output, name)).st_mtime_ns


def replace(output, name, wanted, warnings):
    try:
        os.replace(os.path.join(output, name), os.path.join(output, wanted))
        return True
    except OSError as error:
        warnings.append(f"The script's own {name} was not used: {error.strerror}.")
        return False


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
