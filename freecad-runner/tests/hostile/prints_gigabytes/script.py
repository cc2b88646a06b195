# Ten gigabytes of output, in long lines and without line ends.
line = b"x" * (1 << 20)
for _ in range(10_000):
    os.write(1, line)
    os.write(2, line[:1000] + b"\n")
