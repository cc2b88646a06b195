"""Picks the objects that are the model, as the FreeCAD window would show them after the same steps.

Headless, boolean operands, fillet bases and sketches all stay visible; here everything that went into something
else is found by its links, and hidden, so that neither STEP nor the saved document shows it.
"""

import Part

# Links by which an object refers to another without using it up.
REFERENCES = {
    "Support", "AttachmentSupport", "ExternalGeometry", "ExpressionEngine", "DirLink", "AxisLink", "UpToFace",
    "Hosts", "MirrorPlane",
}  # fmt: skip
# Features that the window shows beside their original.
COPIES = {("Part::Mirroring", "Source"), ("Part::FeaturePython", "Objects"), ("Part::FeaturePython", "Faces")}
# Those made in Python are told by their class: the property alone may mean anything.
PROXIES = {"Objects": "Clone", "Faces": "Facebinder"}
CONSTRUCTION = ("Part::Datum", "PartDesign::ShapeBinder", "PartDesign::SubShapeBinder")


class Picked:
    """The results of one document: solids, surfaces and meshes, or else sketches, wires and edges."""

    def __init__(self, document, objects):
        self.document = document
        self.objects = objects


def pick(document):
    things = [thing for thing in document.Objects if kind(thing)]
    consumed = used_up(things)
    leaves = []
    for thing in things:
        if thing.isDerivedFrom("PartDesign::Body") and sketches_only(thing):
            continue
        if is_construction(thing) or thing.Name in consumed:
            hide(thing)
        elif not in_body(thing):
            leaves.append(thing)
    shown = [leaf for leaf in leaves if is_shown(leaf)]

    for choice in (shown, leaves):
        bodies = [leaf for leaf in choice if has_surface(leaf)]
        if bodies:
            # A sketch beside a solid was drawn on the way to it.
            for leaf in leaves:
                if is_shown(leaf) and leaf not in bodies and not has_surface(leaf):
                    hide(leaf)
            return Picked(document, shows(bodies))
    for choice in (shown, leaves):
        flat = [leaf for leaf in choice if shape_of(leaf).Edges]
        if flat:
            return Picked(document, shows(flat))
    return Picked(document, [])


def kind(thing):
    """`shape`, `mesh`, `link`, or None for what is no geometry: groups, origins, spreadsheets, drawings."""
    if thing.isDerivedFrom("Part::Feature"):
        return None if is_bare_group(thing) else "shape"
    if thing.isDerivedFrom("Mesh::Feature"):
        return "mesh"
    if thing.isDerivedFrom("App::Link") or thing.isDerivedFrom("App::LinkGroup"):
        return "link"
    return None


def is_bare_group(thing):
    """A site of Arch without terrain: it could have a shape, and has only what belongs to it."""
    if not thing.hasExtension("App::GroupExtension") or thing.isDerivedFrom("PartDesign::Body"):
        return False
    return thing.Shape.isNull()


def used_up(things):
    """Names of the objects that another feature is made from."""
    names = set()
    for consumer in things:
        if is_construction(consumer):
            continue
        for name in consumer.PropertiesList:
            if name in REFERENCES or not is_link(consumer.getTypeIdOfProperty(name)):
                continue
            if kind(consumer) == "link" and name != "ElementList":
                continue
            if is_copy(consumer, name):
                continue
            for source in linked(getattr(consumer, name)):
                # A section through a solid leaves the solid standing.
                if source != consumer and (kind(source) != "shape" or makes_as_much(consumer, source)):
                    names.add(source.Name)
    return names


def is_link(type_id):
    return type_id.startswith(("App::PropertyLink", "App::PropertyXLink")) and "Hidden" not in type_id


def is_copy(consumer, name):
    if (consumer.TypeId, name) not in COPIES:
        return False
    return name not in PROXIES or type(getattr(consumer, "Proxy", None)).__name__ == PROXIES[name]


def linked(value):
    """The objects in any form of link: one, a list, an object with the names of its faces, a list of those."""
    if hasattr(value, "TypeId"):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from linked(item)


def makes_as_much(consumer, source):
    if kind(consumer) != "shape" or "Invalid" in consumer.State or consumer.Shape.isNull():
        return True
    return has_surface(consumer) or not has_surface(source)


def is_construction(thing):
    return any(thing.isDerivedFrom(name) for name in CONSTRUCTION)


def in_body(thing):
    group = thing.getParentGeoFeatureGroup()
    return group is not None and group.isDerivedFrom("PartDesign::Body") and not sketches_only(group)


def sketches_only(body):
    """A Body in which nothing was padded yet stands for nothing; its sketches stand for themselves."""
    return body.BaseFeature is None and not any(
        thing.isDerivedFrom("PartDesign::Feature") and not is_construction(thing) for thing in body.Group
    )


def has_surface(thing):
    if kind(thing) == "mesh" or (kind(thing) == "link" and links_mesh(thing)):
        return True
    # Broken features count, so that they are reported and not passed over.
    if "Invalid" in thing.State:
        return True
    if thing.isDerivedFrom("Part::Part2DObject"):
        return False
    shape = shape_of(thing)
    if kind(thing) == "shape" and not shape.Edges and not shape.Vertexes:
        return True
    return bool(shape.Faces)


def links_mesh(link):
    target = link.getLinkedObject(True)
    return target is not None and target.isDerivedFrom("Mesh::Feature")


def shown_in(thing):
    """What a link, a group or an array of links shows, in the order of its shape; [] where the shape is its own."""
    if not is_assembly(thing):
        return []
    target = thing.getLinkedObject(True)
    if target != thing:
        return [target] if target else []
    found = []
    for name in thing.getSubObjects():
        part, visible = thing.getSubObject(name, 1), thing.isElementVisible(name.rstrip("."))
        # Groups leave it to the object whether it is shown (-1), links say it themselves.
        if part and (part.Visibility if visible < 0 else visible):
            found.append(part)
    return found


def is_assembly(thing):
    if thing.hasExtension("App::LinkBaseExtension"):
        return True
    return thing.hasExtension("App::GroupExtension") and not thing.isDerivedFrom("Part::Feature")


def shape_of(thing):
    """The shape with the object's own placement, links and arrays resolved; null where there is none."""
    if kind(thing) == "mesh":
        return Part.Shape()
    try:
        return Part.getShape(thing)
    except Exception:
        return Part.Shape()


def is_shown(thing):
    """False when the script hid the object or something that holds it."""
    while thing is not None:
        if not thing.Visibility:
            return False
        thing = thing.getParentGeoFeatureGroup() or thing.getParentGroup()
    return True


def hide(thing):
    thing.Visibility = False


def shows(objects):
    for thing in objects:
        thing.Visibility = True
    return objects
