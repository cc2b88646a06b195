"""Checks that a file holds a model in its format. FreeCAD writes empty files without an error."""

import os
import re
import stat
import struct
import zipfile

# By canonical name, as in `MyHeadlessModel.STEP`.
EXTENSIONS = {
    "FCStd": {"fcstd"},
    "STEP": {"step", "stp"},
    "STL": {"stl"},
    "OBJ": {"obj"},
}
STEP_SHAPES = re.compile(
    rb"MANIFOLD_SOLID_BREP|BREP_WITH_VOIDS|SHELL_BASED_SURFACE_MODEL|FACETED_BREP|"
    rb"GEOMETRIC_CURVE_SET|GEOMETRIC_SET|WIREFRAME|TESSELLATED_|ADVANCED_FACE|TRIMMED_CURVE"
)
STL_FACET = 50


def flaw(format, path):
    """The fault of a file, or None. Never follows a link, never waits for a FIFO."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return "it is a link" if os.path.islink(path) else f"it cannot be opened ({error.strerror})"
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return "it is not a regular file"
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size == 0:
            return "it is empty"
        try:
            return CHECKS[format](file, status.st_size)
        except (OSError, ValueError, struct.error, zipfile.BadZipFile) as error:
            return f"it cannot be read ({error})"


def fcstd(file, size):
    if not zipfile.is_zipfile(file):
        return "it is not a zip archive"
    with zipfile.ZipFile(file) as archive:
        return None if "Document.xml" in archive.namelist() else "it has no Document.xml"


def step(file, size):
    if not file.read(64).lstrip().startswith(b"ISO-10303-21"):
        return "it is not a STEP file"
    file.seek(max(0, size - 256))
    if b"END-ISO-10303-21;" not in file.read():
        return "it is truncated"
    file.seek(0)
    # In overlapping blocks, as a name may span two; most files have a match in the first.
    rest = b""
    while block := file.read(1 << 20):
        if STEP_SHAPES.search(rest + block):
            return None
        rest = block[-64:]
    return "it has no shape"


def stl(file, size):
    return None if stl_facets(file, size) else "it has no facets"


def stl_facets(file, size):
    """The number of facets of a binary or a text STL; ValueError if it is neither."""
    head = file.read(84)
    if len(head) == 84 and size == 84 + STL_FACET * struct.unpack("<I", head[80:])[0]:
        return (size - 84) // STL_FACET
    if not head.lstrip().startswith(b"solid"):
        raise ValueError("its size does not fit its facet count")
    file.seek(0)
    return sum(line.split()[:1] == [b"endfacet"] for line in file)


def obj(file, size):
    vertices = faces = False
    for line in file:
        vertices = vertices or line.startswith(b"v ")
        faces = faces or line.startswith(b"f ")
        if vertices and faces:
            return None
    return "it has no faces"


CHECKS = {"FCStd": fcstd, "STEP": step, "STL": stl, "OBJ": obj}
