# A bracket that is never closed.
size = (10, 20
print(size)
