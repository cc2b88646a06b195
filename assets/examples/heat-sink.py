# Heat sink
# Tapered fins on a base plate, cut across so that air also comes from the side, with ears to screw it down.

import FreeCAD as App
import Part

LENGTH = 60.0  # mm, of the fins, along Y
FIN_COUNT = 11  # count
FIN_STEP = 5.5  # mm, from fin to fin, along X
FIN_HEIGHT = 24.0  # mm, above the base plate
FIN_FOOT = 2.0  # mm, thickness at the base plate
FIN_TIP = 1.2  # mm, thickness at the top
BASE_THICKNESS = 5.0  # mm
EAR_LENGTH = 12.0  # mm, of the base plate on either side of the fins
CUT_COUNT = 3  # count, of grooves across the fins
CUT_WIDTH = 3.0  # mm
CUT_DEPTH = 19.0  # mm, from the fins' top
HOLE_DIAMETER = 4.5  # mm, for M4 screws
HOLE_MARGIN = 8.0  # mm, from a hole's axis to the front and the back

field = (FIN_COUNT - 1) * FIN_STEP + FIN_FOOT  # From the first fin's foot to the last one's.
width = field + 2 * EAR_LENGTH
top = BASE_THICKNESS + FIN_HEIGHT
beyond = 1.0  # How far tools reach over the faces that they cut.

# The outline seen from the front, drawn out along Y: the plate's sides and bottom, then fin after fin.
outline = [(width / 2, BASE_THICKNESS), (width / 2, 0), (-width / 2, 0), (-width / 2, BASE_THICKNESS)]
for number in range(FIN_COUNT):
    x = (number - (FIN_COUNT - 1) / 2) * FIN_STEP
    outline += [
        (x - FIN_FOOT / 2, BASE_THICKNESS), (x - FIN_TIP / 2, top),
        (x + FIN_TIP / 2, top), (x + FIN_FOOT / 2, BASE_THICKNESS),
    ]
points = [App.Vector(x, -LENGTH / 2, z) for x, z in outline]
shape = Part.Face(Part.makePolygon(points + points[:1])).extrude(App.Vector(0, LENGTH, 0))

tools = []
for number in range(CUT_COUNT):
    y = LENGTH * (number + 1) / (CUT_COUNT + 1) - LENGTH / 2 - CUT_WIDTH / 2
    corner = App.Vector(-field / 2 - beyond, y, top - CUT_DEPTH)
    tools.append(Part.makeBox(field + 2 * beyond, CUT_WIDTH, CUT_DEPTH + beyond, corner))
for x in (-width / 2 + EAR_LENGTH / 2, width / 2 - EAR_LENGTH / 2):
    for y in (-LENGTH / 2 + HOLE_MARGIN, LENGTH / 2 - HOLE_MARGIN):
        tools.append(Part.makeCylinder(HOLE_DIAMETER / 2, BASE_THICKNESS + 2 * beyond, App.Vector(x, y, -beyond)))
shape = shape.cut(tools)

doc = App.newDocument("Model")
obj = doc.addObject("Part::Feature", "HeatSink")
obj.Label = "Heat sink"
obj.Shape = shape
obj.ViewObject.ShapeColor = (0.55, 0.58, 0.62)
doc.recompute()
