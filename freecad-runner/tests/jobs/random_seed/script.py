# Random, but the same each time.
import random

import FreeCAD as App

random.seed(42)
doc = App.newDocument("Towers")
for number in range(10):
    tower = doc.addObject("Part::Box", f"Tower{number}")
    tower.Length = tower.Width = 4
    tower.Height = round(random.uniform(1, 9), 2)
    tower.Placement.Base = App.Vector(6 * number, 0, 0)
doc.recompute()
