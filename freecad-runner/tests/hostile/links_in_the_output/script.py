# Links under the names of the model's files, to what the collector could read and the script could not.
base = os.path.join(OUTPUT, "MyHeadlessModel")
for format, target in (("STEP", "/etc/shadow"), ("STL", "/proc/self/environ"), ("OBJ", "/etc/passwd"), ("FCStd", "/")):
    attempt("symbolic link", os.symlink, target, f"{base}.{format}")
    attempt("hard link", os.link, "/etc/passwd", f"{base}.{format}")
with open("own", "w") as file:
    file.write("x")
attempt("hard link to an own file", os.link, "own", f"{base}.STEP")
attempt("link by a descriptor", os.link, "/proc/self/fd/0", f"{base}.STEP")
