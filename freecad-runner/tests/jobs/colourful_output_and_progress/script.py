# Terminal colours and overwritten lines are cleaned; FreeCAD's own messages are there.
import sys
import logging

import FreeCAD as App

doc = App.newDocument("Colour")
doc.addObject("Part::Box", "Box")
print("\x1b[31mred\x1b[0m text")
for percent in range(0, 101, 20):
    print(f"\r{percent} done", end="")
print()
App.Console.PrintMessage("a message\n")
App.Console.PrintWarning("a warning\n")
logging.basicConfig(level="INFO", format="%(levelname)s %(message)s")
logging.info("logged")
print("to stderr", file=sys.stderr)
doc.recompute()
