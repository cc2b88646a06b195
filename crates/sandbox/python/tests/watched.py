"""As `cold.py`, and prints at its end which documents were created meanwhile."""

import time

STARTED = time.perf_counter()

import os
import sys
import traceback

try:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.dirname(here))
    import FreeCAD
    from partwright import job, process, report
    from partwright.snapshot import Snapshot

    class Watcher:
        def __init__(self):
            self.created = []

        def slotCreatedDocument(self, document):
            self.created.append(document.Name)

    sys.path[:] = [entry for entry in sys.path if entry not in (here, os.path.dirname(here))]
    watcher = Watcher()
    FreeCAD.addDocumentObserver(watcher)
    spec = process.read_spec()
    events = report.Report(process.take_event_pipe(), STARTED)
    process.settle()
    job.run(spec, events, Snapshot())
    print("documents:", watcher.created, flush=True)
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(70)
os._exit(0)
