# Computes in threads and puts together what they found.
import threading
from concurrent.futures import ThreadPoolExecutor

import FreeCAD as App
import Part
from FreeCAD import Vector

lock, heights = threading.Lock(), {}


def compute(number):
    with lock:
        heights[number] = number * number + 1


with ThreadPoolExecutor(max_workers=8) as pool:
    list(pool.map(compute, range(8)))
doc = App.newDocument("Threads")
for number, height in sorted(heights.items()):
    Part.show(Part.makeBox(3, 3, height, Vector(5 * number, 0, 0)))
print("threads left", threading.active_count())
