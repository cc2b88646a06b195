# All memory, at once and a little at a time. What is not written to counts too: the limit is on addresses.
try:
    bytearray(3_000_000_000)
    print("LEAK: 3 GB")
except MemoryError:
    print("refused: 3 GB")
hoard = []
while True:
    hoard.append(bytes(30_000_000))
    if len(hoard) > 100:
        print("LEAK: 3 GB in pieces")
