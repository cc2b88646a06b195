# Allocations in C++, which fail.
import Part

hoard = []
while True:
    box = Part.makeBox(1, 1, 1)
    hoard.append([box.copy() for _ in range(20_000)])
