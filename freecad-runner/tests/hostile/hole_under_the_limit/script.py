# Holes of the size that one file may have, under all four names: the collector must not read them for models.
for format in ("FCStd", "STEP", "STL", "OBJ"):
    with open(os.path.join(OUTPUT, f"MyHeadlessModel.{format}"), "wb") as file:
        file.truncate(255 << 20)
print("planted")
