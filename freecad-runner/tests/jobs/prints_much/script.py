# More output than a log keeps: the beginning and the end are there.
import FreeCAD as App

doc = App.newDocument("Talk")
doc.addObject("Part::Box", "Box")
doc.recompute()
print("the first line")
for number in range(60_000):
    print("line", number, "of a talkative script")
print("the last line")
