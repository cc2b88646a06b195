"""A fork server of the least kind, run by freecadcmd: one child a spec, one line a result on stdout."""

import json
import os
import sys
import time

try:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from partwright import job, process, report
    from partwright.snapshot import Snapshot

    with process.quiet_stdout():  # The banner must not be in the children's buffers too.
        pass
    snapshot = Snapshot()
    for line in os.read(0, 1 << 20).decode().splitlines():
        spec = json.loads(line)
        receive, send = os.pipe()
        if not (child := os.fork()):
            os.dup2(send, process.EVENT_PIPE)
            events = report.Report(process.take_event_pipe(), time.perf_counter())
            process.settle()
            job.run(spec, events, snapshot)
            os._exit(0)
        os.close(send)
        with os.fdopen(receive) as answers:
            os.write(1, answers.read().splitlines()[-1].encode() + b"\n")
        os.waitpid(child, 0)
finally:
    os._exit(0)
