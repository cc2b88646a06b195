"""Run by freecadcmd: repeats one script and its exports, and writes the mean processor time of one round, in seconds.

The first round loads modules and fills caches, and does not count. Nor does the time between rounds: each begins
without documents and in an empty directory, as a job does.
"""

import os
import time

import FreeCAD

with open(os.environ["WARM_SCRIPT"]) as script, open(os.environ["WARM_EXPORTS"]) as exports:
    job = compile(script.read() + exports.read(), "job", "exec")
count = int(os.environ["WARM_COUNT"])
taken = 0.0
for number in range(-1, count):
    began = time.process_time()
    exec(job, {"__name__": "__main__"})
    if number >= 0:
        taken += time.process_time() - began
    for document in list(FreeCAD.listDocuments()):
        FreeCAD.closeDocument(document)
    for name in os.listdir(os.environ["FREECAD_OUTPUT"]):
        if name.startswith("MyHeadlessModel"):
            os.unlink(os.path.join(os.environ["FREECAD_OUTPUT"], name))
with open(os.environ["WARM_ANSWER"], "w") as answer:
    answer.write(str(taken / count))
os._exit(0)
