"""The colours of each result: its own, or those of the objects it was made from, as FreeCAD's window shows them."""

from . import boolean_faces, recorder, results
from .failure import is_out_of_memory

GREY = (0.8, 0.8, 0.8, 1.0)
# Links from a feature to the objects that it takes its colour from, in the order of lookup.
ORIGINS = ("Tip", "BaseFeature", "LinkedObject", "Base", "Source", "Shapes", "Links", "Objects", "Refine", "Profile")
COMPOUNDS = {"Part::Compound": "Links", "Part::Compound2": "Links"}
MAX_DEPTH = 20  # Compounds in compounds.


class Appearance:
    """`base` and, if faces differ, `faces`: colours as (red, green, blue, opacity), each from 0 to 1."""

    def __init__(self, base, faces=None):
        self.base = base
        self.faces = faces or None

    def __eq__(self, other):
        return isinstance(other, Appearance) and (self.base, self.faces) == (other.base, other.faces)


def appearance(obj):
    """None if the script coloured neither the object nor anything that it was made from."""
    if not recorder.any_coloured():
        return None
    try:
        return find(obj)
    except Exception as error:  # OCCT may fail on any shape. A missing colour must not fail the model.
        if is_out_of_memory(error):
            raise
        return None


def by_label(objects):
    """Appearances of the results, listed by the product names of a STEP file; {} if no object has a colour.

    STEP names a link after the object that it links to, which appears once for all its links.
    """
    found, seen = {}, set()
    for obj in objects:
        for part in shown_parts(obj):
            if part.Name not in seen:
                seen.add(part.Name)
                found.setdefault(part.Label, []).append(appearance(part))
    return {label: appearances for label, appearances in found.items() if any(appearances)}


def shown_parts(obj):
    """The objects with shapes of their own that a result shows: itself, or the targets of its links, each once."""
    waiting, seen = [obj], set()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        below = results.shown_in(part)
        if not below and results.kind(part) == "shape":
            yield part
        waiting += reversed(below)


def find(obj, depth=0):
    """The object's own appearance, or the first among its origins. Iterative, as chains of features grow long."""
    waiting, seen = [obj], set()
    while waiting:
        source = waiting.pop()
        if source.Name in seen:
            continue
        seen.add(source.Name)
        found = own(source)
        if not found and depth < MAX_DEPTH and (parts := parts_of(source)):
            found = of_compound(parts, source, depth + 1)
            if not found:
                continue  # All its origins were searched.
        if not found and source.TypeId in boolean_faces.OPERANDS and depth < MAX_DEPTH:
            found = of_boolean(source, depth + 1)
        if found:
            # A link has the faces of its target; any other feature has new faces.
            return found if source is obj or fits_faces(found, obj) else Appearance(found.base)
        waiting += reversed(origins(source))
    return None


def parts_of(obj):
    """The objects side by side in a compound, a link or an array of links."""
    if obj.TypeId in COMPOUNDS:
        return getattr(obj, COMPOUNDS[obj.TypeId])
    return results.shown_in(obj)


def of_boolean(obj, depth):
    """Each face has the colour of the operand it comes from, or the first operand's colour if that has none."""
    operands = boolean_faces.operands(obj)
    appearances = [find(operand, depth) for operand in operands]
    first = next(filter(None, appearances), None)
    if first is None:
        return None
    if all(found is None or found == Appearance(first.base) for found in appearances):
        return Appearance(first.base)
    candidates = [(operand, found is not None) for operand, found in zip(operands, appearances)]
    faces = [
        first.base if found is None else colour_of(appearances[found[0]], found[1])
        for found in boolean_faces.sources(obj, candidates)
    ]
    return Appearance(first.base, faces if len(set(faces)) > 1 else None)


def colour_of(found, face):
    return found.faces[face] if found.faces else found.base


def origins(obj):
    # An object in a Body has the colour of the Body, unless it has its own.
    body = obj.getParentGeoFeatureGroup()
    found = [body] if body and body.isDerivedFrom("PartDesign::Body") and recorder.recorded_values(body) else []
    for name in ORIGINS:
        if name in obj.PropertiesList:
            found += results.linked(getattr(obj, name))
    return found


def own(obj):
    values = recorder.recorded_values(obj)
    if not values.keys() & recorder.COLOURS:
        return None
    opacity = 1 - values.get("Transparency", 0) / 100
    base = (*values.get("ShapeColor", GREY)[:3], opacity)
    found = Appearance(base, [(*rgb, 1 - transparency) for *rgb, transparency in values.get("DiffuseColor", ())])
    return simplified(found, obj)


def of_compound(parts, obj, depth):
    """A compound has the faces of its parts, one part after the other."""
    # An array has one part many times.
    appearances = {part: find(part, depth) for part in parts}
    first = next(filter(None, appearances.values()), None)
    if first is None:
        return None
    counts = {part: results.shape_of(part).countElement("Face") for part in appearances}
    faces = []
    for part in parts:
        found = appearances[part] or Appearance(GREY)
        faces += found.faces or [found.base] * counts[part]
    return simplified(Appearance(first.base, faces), obj)


def simplified(found, obj):
    """Without face colours if all are equal, or if their number is not the object's number of faces."""
    if found.faces and len(set(found.faces)) == 1:
        return Appearance(found.faces[0])
    return found if fits_faces(found, obj) else Appearance(found.base)


def fits_faces(found, obj):
    return not found.faces or len(results.shape_of(obj).Faces) == len(found.faces)
