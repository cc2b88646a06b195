"""A parametric enclosure with a lid, written the way that language models write them."""
import os
import sys
import traceback

import FreeCAD as App
import Part
from FreeCAD import Base

LENGTH, WIDTH, HEIGHT, WALL = 80.0, 60.0, 30.0, 2.0


def create_shell():
    outer = Part.makeBox(LENGTH, WIDTH, HEIGHT)
    inner = Part.makeBox(LENGTH - 2 * WALL, WIDTH - 2 * WALL, HEIGHT - WALL)
    inner.translate(Base.Vector(WALL, WALL, WALL))
    return outer.cut(inner)


def create_posts():
    posts = []
    for x in (6, LENGTH - 6):
        for y in (6, WIDTH - 6):
            post = Part.makeCylinder(3, HEIGHT - WALL - 5, Base.Vector(x, y, WALL))
            hole = Part.makeCylinder(1.25, HEIGHT - WALL - 5, Base.Vector(x, y, WALL))
            posts.append(post.cut(hole))
    return posts


def main():
    doc = App.newDocument("Enclosure")
    try:
        shell = create_shell()
        for post in create_posts():
            shell = shell.fuse(post)
        case = doc.addObject("Part::Feature", "Case")
        case.Shape = shell.removeSplitter()
        lid = doc.addObject("Part::Feature", "Lid")
        lid.Shape = Part.makeBox(LENGTH, WIDTH, WALL, Base.Vector(0, 0, HEIGHT + 10))
        doc.recompute()
        output = os.environ.get("FREECAD_OUTPUT", ".")
        doc.saveAs(os.path.join(output, "MyHeadlessModel.FCStd"))
        Part.export([case, lid], os.path.join(output, "MyHeadlessModel.step"))
        print("✓ exported")
    except Exception as error:
        print(f"✗ {error}")
        traceback.print_exc()
        sys.exit(1)


if __name__ == "__main__":
    main()
