# Directories, not empty, where files belong.
for format in ("FCStd", "STEP", "STL", "OBJ", "GLB", "PNG", "step", "stl"):
    directory = os.path.join(OUTPUT, f"MyHeadlessModel.{format}")
    os.makedirs(os.path.join(directory, "deeper"))
    open(os.path.join(directory, "deeper", "file"), "w").close()
print("planted")
