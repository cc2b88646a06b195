# Makes a shape and shows it to nobody.
import Part

shape = Part.makeBox(1, 2, 3)
print(shape.Volume)
