# Makes a shape without a document.
import Part

shape = Part.makeBox(1, 2, 3)
print(shape.Volume)
