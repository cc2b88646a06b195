# Booleans of booleans: only the outermost is the model.
import FreeCAD as App

doc = App.newDocument("Nested")


def add(kind, name, **properties):
    thing = doc.addObject(kind, name)
    for key, value in properties.items():
        setattr(thing, key, value)
    return thing


slab = add("Part::Box", "Slab", Length=40, Width=20, Height=10)
boss = add("Part::Cylinder", "Boss", Radius=8, Height=25)
boss.Placement.Base = App.Vector(20, 10, 0)
body = add("Part::Fuse", "Body", Base=slab, Tool=boss)
bore = add("Part::Cylinder", "Bore", Radius=4, Height=25)
bore.Placement.Base = App.Vector(20, 10, 0)
bored = add("Part::Cut", "Bored", Base=body, Tool=bore)
window = add("Part::Box", "Window", Length=40, Width=10, Height=25)
add("Part::Common", "Half", Base=bored, Tool=window)
doc.recompute()
