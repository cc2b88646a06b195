import FreeCAD as App

print("the marker " + "of one run")


def half(value):
    raise ValueError("line seven is at fault")


half(1)
