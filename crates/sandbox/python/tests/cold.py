"""Runs a job without fork server and jail, for the tests: `freecadcmd cold.py` reads the spec from fd 0.

With WATCH_DOCUMENTS in the environment it prints the names of the documents that the job created.

freecadcmd imports this file, and if the import raises it runs the file a second time and then exits 0. So this file
ends only with `os._exit`, and the exit status says nothing about the job: the `result` event does.
"""

import time

STARTED = time.perf_counter()

import json
import os
import sys
import traceback

EVENT_PIPE = 3


class Watcher:
    """FreeCAD's document observer."""

    def __init__(self):
        self.created = []

    def slotCreatedDocument(self, document):
        self.created.append(document.Name)


try:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.dirname(here))
    import FreeCAD
    from partwright import job, process, report
    from partwright.snapshot import Snapshot

    # A script's `import geometry` must never find a file of the package.
    sys.path[:] = [entry for entry in sys.path if entry not in (here, os.path.dirname(here))]
    with open(0, "rb", closefd=False) as stdin:
        spec = json.load(stdin)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    events = report.Report(process.move_up(EVENT_PIPE), STARTED)
    watcher = Watcher() if os.environ.get("WATCH_DOCUMENTS") else None
    if watcher:
        FreeCAD.addDocumentObserver(watcher)
    process.set_up()
    job.run(spec, events, Snapshot())
    if watcher:
        print("documents:", watcher.created, flush=True)
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(70)
os._exit(0)
