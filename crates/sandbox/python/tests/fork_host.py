"""A minimal fork server, run by freecadcmd: one child for each spec on stdin, one line for each result on stdout."""

import json
import os
import sys
import time

try:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from partwright import job, process, report
    from partwright.snapshot import Snapshot

    with process.quiet_stdout():  # FreeCAD's banner must not stay in the buffers, which the children inherit.
        pass
    snapshot = Snapshot()
    for line in os.read(0, 1 << 20).decode().splitlines():
        spec = json.loads(line)
        receive, send = os.pipe()
        if not (child := os.fork()):
            events = report.Report(process.move_up(send), time.perf_counter())
            process.set_up()
            job.run(spec, events, snapshot)
            os._exit(0)
        os.close(send)
        with os.fdopen(receive) as answers:
            os.write(1, answers.read().splitlines()[-1].encode() + b"\n")
        os.waitpid(child, 0)
finally:
    os._exit(0)
