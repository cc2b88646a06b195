# A large array, written to.
import numpy

try:
    numpy.ones((40_000, 40_000))
    print("LEAK: 12 GB")
except MemoryError:
    print("refused: 12 GB")
hoard = []
while True:
    hoard.append(numpy.zeros(10_000_000))
