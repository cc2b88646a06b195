# The usual guard is true, and runs once.
import FreeCAD as App


def main():
    doc = App.newDocument("Main")
    doc.addObject("Part::Box", "Box")
    doc.recompute()
    print("ran as", __name__)


if __name__ == "__main__":
    main()
