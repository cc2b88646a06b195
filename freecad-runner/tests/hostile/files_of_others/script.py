# Changes modes and times of files outside the job. Without a user of its own, the job owns the runner's files: there
# the calls report success and change nothing.
import shutil

import partwright

module = partwright.__file__
for path in (module, os.path.dirname(module), os.path.dirname(OUTPUT), "/etc/passwd", "/dev"):
    attempt_change("mode", path, os.chmod, 0o777)
    attempt_change("times", path, os.utime, (1, 1))
    attempt_change("time of now", path, os.utime)
# The usual calls on its own files work.
open("one", "w").close()
os.chmod("one", 0o640)
shutil.copy2("one", "two")
shutil.copytree(".", os.path.join(OUTPUT, "copy"))
print("copied")
