# Names that shells, logs and listings stumble over.
for name in (b"-rf", b"a\nb", b"\xff\xfe", b"\x1b[2J", b"..step", b" ", b"x" * 255, "\u202estep".encode(), b"MyHeadlessModel.step\n"):
    with open(os.path.join(OUTPUT.encode(), name), "w") as file:
        file.write("ISO-10303-21;")
print("named")
