"""Tells whether a file that a script exported by itself is the model: by its size, its volume, and for a saved document
by everything in it."""

import os
import re
import tempfile
import zipfile

import FreeCAD
import Mesh
import Part

from . import pieces
from .pieces import corner

# Reading STEP takes about a second a MB, and the job's time is limited.
LARGEST = {"STEP": 8 << 20, "STL": 64 << 20, "OBJ": 32 << 20}
# Shares by which volumes may differ. A script's mesh may be much coarser than the runner's.
VOLUME = {"STEP": 1e-3, "STL": 0.1, "OBJ": 0.1}
# Share of the diagonal by which boxes may differ, beside what meshes deviate.
CORNER = 1 / 200

STALE = "the document was changed after it was saved"
DOCUMENT = "Document.xml"
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
# What changes without a change to the model: marks of FreeCAD's own, in the document and in a shape.
MARKS = re.compile(rb' status="\d+"| Touched="1"|^[01]{7}$')


class TooLarge(Exception):
    """The file is larger than there is time to read."""


def difference(format, path, picked, placed, spec):
    """What tells the file from the model, or None. Raises what reading it raises."""
    if format == "FCStd":
        return difference_of_document(path, picked.document)
    if os.path.getsize(path) > LARGEST[format]:
        raise TooLarge(f"it has more than {LARGEST[format] >> 20} MiB")
    theirs, exact = piece(format, path), format == "STEP"
    ours = [one for one in placed if (one.shape if exact else one.mesh) is not None]
    if not ours:
        return None
    whole, deviation = FreeCAD.BoundBox(), spec["linear_deflection"]
    for one in ours:
        whole.add(one.box)
    if exact and not alike(theirs.box, whole, deviation):
        # OCCT's box of curved faces is too large; the model's is told by its mesh, too.
        pieces.tessellate([theirs], deviation, spec["angular_deflection"], [])
    if not alike(theirs.box, whole, deviation):
        return f"it measures {size(theirs.box)}, the model {size(whole)}"
    before, now = volume([theirs], exact), volume(ours, exact)
    if before and now and abs(before - now) > now * VOLUME[format]:
        return f"its volume is {before:.6g} mm³, the model's {now:.6g} mm³"
    return None


def piece(format, path):
    content = Part.read(path) if format == "STEP" else Mesh.Mesh(path)
    return pieces.Piece("", "", format, *((content, None) if format == "STEP" else (None, content)))


def alike(one, other, deviation):
    slack = other.DiagonalLength * CORNER + 2 * deviation
    return all(abs(a - b) <= slack for end in ("Min", "Max") for a, b in zip(corner(one, end), corner(other, end)))


def size(box):
    low, high = corner(box, "Min"), corner(box, "Max")
    lengths = " × ".join(f"{b - a:.4g}" for a, b in zip(low, high))
    return f"{lengths} mm from ({', '.join(f'{number:.4g}' for number in low)})"


def volume(placed, exact):
    """None where a surface or an open mesh has none."""
    if exact:
        return sum(abs(solid.Volume) for one in placed for solid in one.shape.Solids) or None
    if not all(one.mesh.isSolid() for one in placed):
        return None
    return sum(abs(one.mesh.Volume) for one in placed)


def difference_of_document(path, document):
    """Compares with a copy saved now: whatever the script changed after it had saved is seen."""
    with tempfile.TemporaryDirectory(prefix=".export-", dir=os.path.dirname(path)) as fresh:
        copy = os.path.join(fresh, "now.FCStd")
        document.saveCopy(copy)
        with zipfile.ZipFile(path) as theirs, zipfile.ZipFile(copy) as ours:
            if document.Uid.encode() not in content(theirs, DOCUMENT, ours.getinfo(DOCUMENT).file_size):
                return "it holds another document"
            if any(is_other(theirs, ours, now) for now in ours.infolist()):
                return STALE
    return None


def is_other(theirs, ours, now):
    try:
        before = theirs.getinfo(now.filename)
    except KeyError:
        return True
    if (before.CRC, before.file_size) == (now.CRC, now.file_size):
        return False
    return not same_text(*(content(archive, now.filename, now.file_size) for archive in (theirs, ours)))


def content(archive, name, expected):
    """Not much more than is expected: an archive may hold far more than its size tells."""
    with archive.open(name) as file:
        return file.read(2 * expected + 65_536)


def same_text(before, now):
    """Line by line, but for FreeCAD's marks, the last digits of numbers, and who is visible."""
    # The document's own dates and authors come before its objects.
    before, now = (text[max(text.find(b"<Objects"), 0) :].splitlines() for text in (before, now))
    if len(before) != len(now):
        return False
    above = b""
    for one, other in zip(before, now):
        # The runner itself hides what is no part of the model, and writes who is visible anew.
        if one != other and b'name="Visibility"' not in above and not same_line(one, other):
            return False
        above = other
    return True


def same_line(one, other):
    one, other = MARKS.sub(b"", one), MARKS.sub(b"", other)
    if one == other:
        return True
    if NUMBER.sub(b"", one) != NUMBER.sub(b"", other):
        return False
    pairs = zip(map(float, NUMBER.findall(one)), map(float, NUMBER.findall(other)))
    return all(abs(a - b) <= 1e-9 * max(1, abs(a)) for a, b in pairs)
