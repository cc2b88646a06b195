"""A job without fork server and jail, for the tests: `freecadcmd cold.py` reads the spec from fd 0, runs it once, exits.

freecadcmd imports this file, and when the import raises it runs the file a second time and then exits 0.
So nothing may leave this file but `os._exit`, and the exit status carries no news: the `result` event does.
"""

import time

STARTED = time.perf_counter()

import os
import sys
import traceback

try:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.dirname(here))
    from partwright import job, process, report
    from partwright.snapshot import Snapshot

    # A script's `import geometry` must find its own file or nothing, never a neighbour of this one.
    sys.path[:] = [entry for entry in sys.path if entry not in (here, os.path.dirname(here))]
    spec = process.read_spec()
    events = report.Report(process.take_event_pipe(), STARTED)
    process.settle()
    job.run(spec, events, Snapshot())
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(70)
os._exit(0)
