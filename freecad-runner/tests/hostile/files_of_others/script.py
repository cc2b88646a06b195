# Changes modes and times of files that are not its own: the runner's, which are its user's where it has no own user.
# There it is told that it worked, and nothing has changed.
import shutil

import partwright

module = partwright.__file__
for path in (module, os.path.dirname(module), os.path.dirname(OUTPUT), "/etc/passwd", "/dev"):
    attempt_change("mode", path, os.chmod, 0o777)
    attempt_change("times", path, os.utime, (1, 1))
    attempt_change("time of now", path, os.utime)
# What libraries do with their own files goes on.
open("one", "w").close()
os.chmod("one", 0o640)
shutil.copy2("one", "two")
shutil.copytree(".", os.path.join(OUTPUT, "copy"))
print("copied")
