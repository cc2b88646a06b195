"""Prints all that a script can find out about its process and its neighbours."""

import os

import FreeCAD as App

print("uid", *os.getresuid())
print("gid", *os.getresgid())
print("groups", *os.getgroups())
for name, value in os.environ.items():
    print("env", name, value)


def show(path):
    try:
        with open(path, "rb") as file:
            print("read", path, file.read())
    except OSError as error:
        print("denied", path, error.strerror)


parent = os.getppid()
show(f"/proc/{parent}/environ")
show(f"/proc/{parent}/maps")
try:
    neighbours = [entry for entry in os.listdir("/proc") if entry.isdigit()]
except OSError as error:
    print("denied /proc", error.strerror)
    neighbours = range(1, 4096)
for neighbour in neighbours:
    if os.path.exists(f"/proc/{neighbour}"):
        show(f"/proc/{neighbour}/environ")

for number in range(4096):
    try:
        print("fd", number, os.readlink(f"/proc/self/fd/{number}"))
    except OSError:
        pass

doc = App.newDocument("Box")
doc.addObject("Part::Box", "Box")
doc.recompute()
