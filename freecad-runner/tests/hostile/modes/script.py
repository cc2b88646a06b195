# Modes that lock out and modes that let in: set-user-id, sticky, none at all.
base = os.path.join(OUTPUT, "MyHeadlessModel")
with open("tool", "wb") as file:
    file.write(b"\x7fELF")
os.chmod("tool", 0o6777)
os.mkdir("closed")
open("closed/file", "w").close()
os.chmod("closed", 0)
with open(base + ".STL", "w") as file:
    file.write("solid nothing")
os.chmod(base + ".STL", 0)
os.umask(0o777)
attempt_change("output for others", os.path.dirname(OUTPUT), os.chmod, 0o777)
print("modes set")
