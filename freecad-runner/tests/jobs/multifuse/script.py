# Many shapes in one fusion: a staircase.
import FreeCAD as App

doc = App.newDocument("Stairs")
steps = []
for number in range(5):
    step = doc.addObject("Part::Box", f"Step{number}")
    step.Length, step.Width, step.Height = 10, 30, 5 * (number + 1)
    step.Placement.Base = App.Vector(10 * number, 0, 0)
    steps.append(step)
fuse = doc.addObject("Part::MultiFuse", "Stairs")
fuse.Shapes = steps
fuse.Refine = True
doc.recompute()
