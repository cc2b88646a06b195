"""Compares a file that the script exported with the model: by size and volume, or a saved document by its content."""

import os
import re
import tempfile
import zipfile

import Mesh
import Part

from . import boxes, placed_shapes

# Largest files to read, in bytes: reading STEP takes about a second a MB, and the job's time is limited.
LARGEST = {"STEP": 8 << 20, "STL": 64 << 20, "OBJ": 32 << 20}
# Shares by which volumes may differ. A script's mesh may be much coarser than the runner's.
VOLUME = {"STEP": 1e-3, "STL": 0.1, "OBJ": 0.1}
# Share of the diagonal by which boxes may differ, beside the deviation of meshes.
CORNER = 1 / 200

STALE = "the document was changed after it was saved"
DOCUMENT = "Document.xml"
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
# FreeCAD's status marks in a document and in a shape. They change without a change to the model.
MARKS = re.compile(rb' status="\d+"| Touched="1"|^[01]{7}$')


class TooLarge(Exception):
    """The file is larger than there is time to read."""


def difference(format, path, picked, shapes, spec):
    """How the file differs from the model, or None. Reading the file may raise any exception."""
    if format == "FCStd":
        return document_difference(path, picked.document)
    if os.path.getsize(path) > LARGEST[format]:
        raise TooLarge(f"it is larger than {LARGEST[format] >> 20} MiB")
    exact = format == "STEP"
    exported = placed_shapes.from_file(format, path)
    shapes = [placed for placed in shapes if (placed.shape if exact else placed.mesh) is not None]
    if not shapes:
        return None
    whole, deviation = boxes.union(placed.box for placed in shapes), spec["linear_deflection"]
    slack = whole.DiagonalLength * CORNER + 2 * deviation
    if exact and not boxes.alike(exported.box, whole, slack):
        # OCCT's box of curved faces is too large; meshing the shape tightens it, as it did for the model.
        placed_shapes.tessellate([exported], deviation, spec["angular_deflection"], [])
    if not boxes.alike(exported.box, whole, slack):
        return f"it measures {size(exported.box)}, the model {size(whole)}"
    found, wanted = volume([exported], exact), volume(shapes, exact)
    if found and wanted and abs(found - wanted) > wanted * VOLUME[format]:
        return f"its volume is {found:.6g} mm³, the model's {wanted:.6g} mm³"
    return None


def size(box):
    low, high = boxes.corner(box, "Min"), boxes.corner(box, "Max")
    lengths = " × ".join(f"{b - a:.4g}" for a, b in zip(low, high))
    return f"{lengths} mm from ({', '.join(f'{number:.4g}' for number in low)})"


def volume(shapes, exact):
    """None for surfaces and open meshes, which have no volume."""
    if exact:
        return sum(abs(solid.Volume) for placed in shapes for solid in placed.shape.Solids) or None
    if not all(placed.mesh.isSolid() for placed in shapes):
        return None
    return sum(abs(placed.mesh.Volume) for placed in shapes)


def document_difference(path, document):
    """Compares with a copy saved now, which shows what the script changed after it saved the file."""
    with tempfile.TemporaryDirectory(prefix=".export-", dir=os.path.dirname(path)) as fresh:
        copy = os.path.join(fresh, "now.FCStd")
        document.saveCopy(copy)
        with zipfile.ZipFile(path) as saved, zipfile.ZipFile(copy) as current:
            if document.Uid.encode() not in content(saved, DOCUMENT, current.getinfo(DOCUMENT).file_size):
                return "it holds another document"
            if any(differs(saved, current, entry) for entry in current.infolist()):
                return STALE
    return None


def differs(saved, current, entry):
    try:
        before = saved.getinfo(entry.filename)
    except KeyError:
        return True
    if (before.CRC, before.file_size) == (entry.CRC, entry.file_size):
        return False
    return not same_text(*(content(archive, entry.filename, entry.file_size) for archive in (saved, current)))


def content(archive, name, expected):
    """Reads little more than the expected size: an archive may hold far more than it declares."""
    with archive.open(name) as file:
        return file.read(2 * expected + 65_536)


def same_text(before, now):
    """Compares line by line, apart from FreeCAD's marks, the last digits of numbers, and visibility."""
    # The document's own dates and authors come before its objects.
    before, now = (text[max(text.find(b"<Objects"), 0) :].splitlines() for text in (before, now))
    if len(before) != len(now):
        return False
    above = b""
    for one, other in zip(before, now):
        # The runner itself hides objects that are not part of the model.
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
