"""The colour of each result: its own, or that of what it was made from, as the window would show it."""

from . import mixed, recorder, results
from .failure import is_out_of_memory

GREY = (0.8, 0.8, 0.8, 1.0)
# The links that lead from a feature to what it looks like, in the order of asking.
ORIGINS = ("Tip", "BaseFeature", "LinkedObject", "Base", "Source", "Shapes", "Links", "Objects", "Refine", "Profile")
SHARED = {"Part::Compound": "Links", "Part::Compound2": "Links"}
DEEPEST = 20  # Compounds in compounds.


class Look:
    """`base` and, where faces differ, `faces`: colours as (red, green, blue, opacity), each from 0 to 1."""

    def __init__(self, base, faces=None):
        self.base = base
        self.faces = faces


def look(thing):
    """None when the script coloured neither the object nor what it was made from."""
    if not recorder.coloured():
        return None
    try:
        return sought(thing)
    except Exception as error:  # OCCT may stumble over any shape; no model is to fail for its colour.
        if is_out_of_memory(error):
            raise
        return None


def by_label(things):
    """Looks of the results, listed under the names that STEP knows them by; {} when none has a colour.

    A link stands in STEP under the name of what it links to, once for all its links.
    """
    found, seen = {}, set()
    for thing in things:
        for part in shown_by(thing):
            if part.Name not in seen:
                seen.add(part.Name)
                found.setdefault(part.Label, []).append(look(part))
    return {label: looks for label, looks in found.items() if any(looks)}


def shown_by(thing):
    """The objects with shapes of their own that a result shows: itself, or what its links lead to, each once."""
    waiting, seen = [thing], set()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        below = results.shown_in(part)
        if not below and results.kind(part) == "shape":
            yield part
        waiting += reversed(below)


def sought(thing, depth=0):
    """Its own, or the first found among its origins; not by recursion, as chains of fusions grow long."""
    waiting, seen = [thing], set()
    while waiting:
        source = waiting.pop()
        if source.Name in seen:
            continue
        seen.add(source.Name)
        found = own(source)
        if not found and depth < DEEPEST and (parts := parts_of(source)):
            found = together(parts, source, depth + 1)
            if not found:
                continue  # All that it leads to was asked.
        if not found and source.TypeId in mixed.OPERANDS and depth < DEEPEST:
            found = blended(source, depth + 1)
        if found:
            # A feature's faces are others than those of what it was made from; a link's are the same.
            return found if source is thing or same_faces(found, thing) else Look(found.base)
        waiting += reversed(origins(source))
    return None


def parts_of(thing):
    """What lies side by side in a compound, a link, or an array of links."""
    if thing.TypeId in SHARED:
        return getattr(thing, SHARED[thing.TypeId])
    return results.shown_in(thing)


def blended(thing, depth):
    """A boolean of coloured operands: each face as where it comes from, those of uncoloured ones as the first."""
    operands = mixed.operands(thing)
    looks = [sought(operand, depth) for operand in operands]
    first = next(filter(None, looks), None)
    if first is None or all(found is None or (found.base, found.faces) == (first.base, None) for found in looks):
        return first and Look(first.base)
    faces = [
        first.base if found is None else colour_of(looks[found[0]], found[1])
        for found in mixed.sources(thing, [(operand, look is not None) for operand, look in zip(operands, looks)])
    ]
    return Look(first.base, faces if len(set(faces)) > 1 else None)


def colour_of(found, number):
    return found.faces[number] if found.faces else found.base


def origins(thing):
    # What is in a Body looks like the Body, unless coloured by itself.
    body = thing.getParentGeoFeatureGroup()
    found = [body] if body and body.isDerivedFrom("PartDesign::Body") and recorder.recorded(body) else []
    for name in ORIGINS:
        if name in thing.PropertiesList:
            found += results.linked(getattr(thing, name))
    return found


def own(thing):
    values = recorder.recorded(thing)
    if not values.keys() & recorder.COLOURS:
        return None
    opacity = 1 - values.get("Transparency", 0) / 100
    base = (*values.get("ShapeColor", GREY)[:3], opacity)
    found = Look(base, [(*rgb, 1 - transparency) for *rgb, transparency in values.get("DiffuseColor", ())])
    if len(set(found.faces)) == 1:
        return Look(found.faces[0])
    return found if same_faces(found, thing) else Look(base)


def same_faces(found, thing):
    return not found.faces or len(results.shape_of(thing).Faces) == len(found.faces)


def together(parts, thing, depth):
    """A compound's faces are those of its parts, one part after the other."""
    # An array has one part many times.
    looks = {part: sought(part, depth) for part in parts}
    first = next(filter(None, looks.values()), None)
    if first is None:
        return None
    counts = {part: results.shape_of(part).countElement("Face") for part in looks}
    faces = []
    for part in parts:
        found = looks[part] or Look(GREY)
        faces += found.faces or [found.base] * counts[part]
    first = first.base
    if len(set(faces)) == 1:
        return Look(faces[0])
    found = Look(first, faces)
    return found if same_faces(found, thing) else Look(first)
