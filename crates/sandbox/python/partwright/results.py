"""Picks the objects that are the model, as the FreeCAD window would show them after the same steps.

Headless FreeCAD leaves boolean operands, fillet bases and sketches visible. This module finds, by its links, every
object that another is made from and hides it, so that neither STEP nor the saved document shows it.
"""

import Part

# Links by which an object refers to another without using it up.
REFERENCES = {
    "Support", "AttachmentSupport", "ExternalGeometry", "ExpressionEngine", "DirLink", "AxisLink", "UpToFace",
    "Hosts", "MirrorPlane",
}  # fmt: skip
# (type, link): features that the window shows beside their original.
COPIES = {("Part::Mirroring", "Source"), ("Part::FeaturePython", "Objects"), ("Part::FeaturePython", "Faces")}
# Features made in Python are recognised by their class: the property alone may mean anything.
PROXIES = {"Objects": "Clone", "Faces": "Facebinder"}
CONSTRUCTION = ("Part::Datum", "PartDesign::ShapeBinder", "PartDesign::SubShapeBinder")


class Picked:
    """The results of one document: solids, surfaces and meshes, or else sketches, wires and edges."""

    def __init__(self, document, objects):
        self.document = document
        self.objects = objects


def pick(document):
    objects = [obj for obj in document.Objects if kind(obj)]
    consumed = consumed_names(objects)
    leaves = []
    for obj in objects:
        if obj.isDerivedFrom("PartDesign::Body") and sketches_only(obj):
            continue
        if is_construction(obj) or obj.Name in consumed:
            hide(obj)
        elif not in_body(obj):
            leaves.append(obj)
    shown = [leaf for leaf in leaves if is_shown(leaf)]

    for choice in (shown, leaves):
        bodies = [leaf for leaf in choice if has_surface(leaf)]
        if bodies:
            # A sketch beside a solid was a step towards it.
            for leaf in leaves:
                if is_shown(leaf) and leaf not in bodies and not has_surface(leaf):
                    hide(leaf)
            return Picked(document, show(bodies))
    for choice in (shown, leaves):
        flat = [leaf for leaf in choice if shape_of(leaf).Edges]
        if flat:
            return Picked(document, show(flat))
    return Picked(document, [])


def kind(obj):
    """`shape`, `mesh`, `link`, or None for anything else: groups, origins, spreadsheets, drawings."""
    if obj.isDerivedFrom("Part::Feature"):
        return None if is_bare_group(obj) else "shape"
    if obj.isDerivedFrom("Mesh::Feature"):
        return "mesh"
    if obj.isDerivedFrom("App::Link") or obj.isDerivedFrom("App::LinkGroup"):
        return "link"
    return None


def is_bare_group(obj):
    """True for an Arch site without terrain: its type allows a shape, but it only groups other objects."""
    if not obj.hasExtension("App::GroupExtension") or obj.isDerivedFrom("PartDesign::Body"):
        return False
    return obj.Shape.isNull()


def consumed_names(objects):
    """Names of the objects that other features are made from."""
    names = set()
    for consumer in objects:
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
                # A section of a solid does not replace the solid.
                if source != consumer and (kind(source) != "shape" or replaces(consumer, source)):
                    names.add(source.Name)
    return names


def is_link(type_id):
    return type_id.startswith(("App::PropertyLink", "App::PropertyXLink")) and "Hidden" not in type_id


def is_copy(consumer, name):
    if (consumer.TypeId, name) not in COPIES:
        return False
    return name not in PROXIES or type(getattr(consumer, "Proxy", None)).__name__ == PROXIES[name]


def linked(value):
    """The objects in any form of link: an object, a list, an object with names of its faces, or a list of those."""
    if hasattr(value, "TypeId"):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from linked(item)


def replaces(consumer, source):
    """False if a consumer without surfaces was made from a source with surfaces."""
    if kind(consumer) != "shape" or "Invalid" in consumer.State or consumer.Shape.isNull():
        return True
    return has_surface(consumer) or not has_surface(source)


def is_construction(obj):
    return any(obj.isDerivedFrom(name) for name in CONSTRUCTION)


def in_body(obj):
    group = obj.getParentGeoFeatureGroup()
    return group is not None and group.isDerivedFrom("PartDesign::Body") and not sketches_only(group)


def sketches_only(body):
    """True for a Body without features: it is not a result, and its sketches count by themselves."""
    return body.BaseFeature is None and not any(
        obj.isDerivedFrom("PartDesign::Feature") and not is_construction(obj) for obj in body.Group
    )


def has_surface(obj):
    if is_mesh(obj):
        return True
    # Failed features count, so that they are reported.
    if "Invalid" in obj.State:
        return True
    if obj.isDerivedFrom("Part::Part2DObject"):
        return False
    shape = shape_of(obj)
    if kind(obj) == "shape" and not shape.Edges and not shape.Vertexes:
        return True
    return bool(shape.Faces)


def is_mesh(obj):
    """True for a mesh and for a link to one."""
    if kind(obj) != "link":
        return kind(obj) == "mesh"
    target = obj.getLinkedObject(True)
    return target is not None and target.isDerivedFrom("Mesh::Feature")


def shown_in(obj):
    """The objects that a link, a group or an array of links shows, in the order of its shape; [] for other objects."""
    if not is_assembly(obj):
        return []
    target = obj.getLinkedObject(True)
    if target != obj:
        return [target] if target else []
    found = []
    for name in obj.getSubObjects():
        part, visible = obj.getSubObject(name, 1), obj.isElementVisible(name.rstrip("."))
        # In a group the object itself decides whether it is shown (-1); a link decides for its elements.
        if part and (part.Visibility if visible < 0 else visible):
            found.append(part)
    return found


def is_assembly(obj):
    if obj.hasExtension("App::LinkBaseExtension"):
        return True
    return obj.hasExtension("App::GroupExtension") and not obj.isDerivedFrom("Part::Feature")


def shape_of(obj):
    """The shape with the object's own placement, links and arrays resolved; a null shape if it has none."""
    if kind(obj) == "mesh":
        return Part.Shape()
    try:
        return Part.getShape(obj)
    except Exception:
        return Part.Shape()


def is_shown(obj):
    """False if the script hid the object or a group or container of it."""
    while obj is not None:
        if not obj.Visibility:
            return False
        obj = obj.getParentGeoFeatureGroup() or obj.getParentGroup()
    return True


def hide(obj):
    obj.Visibility = False


def show(objects):
    for obj in objects:
        obj.Visibility = True
    return objects
