# The Python that runs the next job, FreeCAD's own, and compiled files beside them.
import partwright

place = os.path.dirname(partwright.__file__)
for path in (os.path.join(place, "job.py"), os.path.join(os.path.dirname(place), "zygote.py"),
             "/usr/share/freecad/Mod/Draft/Draft.py", "/usr/lib/python3.11/os.py"):
    attempt("write", open, path, "r+")
    attempt("truncate", os.truncate, path, 0)
    attempt("remove", os.unlink, path)
    attempt_change("mode", path, os.chmod, 0o666)
    attempt_change("times", path, os.utime)
    attempt("owner", os.chown, path, os.getuid(), os.getuid())
attempt("new module", open, os.path.join(place, "evil.py"), "w")
attempt("cache", os.mkdir, os.path.join(place, "__pycache__"))
