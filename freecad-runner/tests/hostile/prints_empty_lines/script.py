# Line ends and nothing else: each byte is a line.
print("first", flush=True)
lines = b"\n" * (64 << 10)
for _ in range(100):
    os.write(1, lines)
print("last")
