"""The fork server, `freecadcmd zygote.py`: loads FreeCAD once, then runs each job in a fork of itself.

One server serves one slot, and so runs one job at a time. It talks to the runner only through the socket on fd 3. The
runner sends a job: its length in four bytes, big-endian, then JSON, with the descriptors for stdout, stderr, events and
the Landlock ruleset. The server answers in lines: {"forked": pid}, and after the job {"exited": pid, "status": …,
"cpu": seconds}. It exits when the runner closes the socket.

It never runs a script itself and holds no secret: every child has a copy of its memory.
"""

import os
import sys
import traceback

SOCKET = 3
REHEARSAL = {
    "base_name": "MyHeadlessModel", "formats": ["FCStd", "STEP", "STL", "OBJ", "GLB", "PNG"],
    "linear_deflection": 0.1, "angular_deflection": 0.5,
}  # fmt: skip


def serve():
    """Loads the modules that jobs need, then forks one child a job."""
    import atexit  # noqa: F401  Loaded here once for the children, like the modules below.
    import encodings.cp437  # noqa: F401
    import encodings.utf_8_sig  # noqa: F401
    import gc
    import json
    import socket

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)

    import Import  # noqa: F401
    import Mesh  # noqa: F401
    import MeshPart  # noqa: F401
    import Part  # noqa: F401

    from partwright import jail, job, process, report  # noqa: F401
    from partwright.snapshot import Snapshot

    # A script's `import geometry` must never find a file beside this one.
    sys.path.remove(here)
    with process.quiet_stdout():  # FreeCAD's banner must not stay in the buffers, which the children inherit.
        pass
    warm_up()
    snapshot = Snapshot()
    channel = socket.socket(fileno=SOCKET)
    # Permanent objects: the collector would touch their pages, and so copy them, in each child.
    gc.collect()
    gc.freeze()
    channel.sendall(b'{"ready": true}\n')
    while True:
        length, descriptors, _, _ = socket.recv_fds(channel, 4, 4)
        if len(length) < 4:
            os._exit(0)
        packet = channel.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
        child = os.fork()
        if child == 0:
            channel.close()
            run_child(json.loads(packet), snapshot, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.sendall(b'{"forked": %d}\n' % child)
        _, status, used = os.wait4(child, 0)
        cpu = used.ru_utime + used.ru_stime
        channel.sendall(b'{"exited": %d, "status": %d, "cpu": %.3f}\n' % (child, status, cpu))


def warm_up():
    """Runs a whole export of a box, so that no child pays for the first-time work of FreeCAD and Python."""
    import tempfile
    import time

    import FreeCAD

    from partwright import job, process

    document = FreeCAD.newDocument("Rehearsal")
    document.addObject("Part::Box", "Box")
    document.recompute()
    with process.quiet_stdout(), tempfile.TemporaryDirectory(dir=os.getcwd()) as output:
        job.collect({**REHEARSAL, "output": output}, [])
    FreeCAD.closeDocument(document.Name)
    # A child has only the forking thread, and would wait for ever for the others.
    end_pooled_threads()
    deadline = time.monotonic() + 10
    while len(os.listdir("/proc/self/task")) != 1:  # The kernel takes a moment to remove a thread that has ended.
        if time.monotonic() > deadline:
            raise RuntimeError("the fork server has more than one thread")
        time.sleep(0.001)


def end_pooled_threads():
    """Ends the idle threads that meshing started in Qt's pool. The pool starts new ones when it needs them."""
    import ctypes

    qt = ctypes.CDLL(None)
    pool = qt._ZN11QThreadPool14globalInstanceEv  # QThreadPool::globalInstance()
    wait = qt._ZN11QThreadPool11waitForDoneEi  # QThreadPool::waitForDone(int), which ends them too
    pool.restype, wait.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]
    wait(pool(), -1)


def run_child(request, snapshot, stdout, stderr, events, ruleset):
    """The child: sets its descriptors, enters the jail, runs the job. Never returns."""
    try:
        import time

        from partwright import jail, job, process, report

        started = time.perf_counter()
        null = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in enumerate((null, stdout, stderr)):
            os.dup2(descriptor, number)
        pipe = process.move_up(events)
        channel = report.Report(pipe, started)
        try:
            jail.enter(request["jail"], ruleset, keep=(0, 1, 2, pipe))
        except OSError as error:
            channel.jail_failed(error)
            os._exit(71)
        process.set_up()
        job.run(request["spec"], channel, snapshot)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)
    os._exit(0)


# freecadcmd imports this file, and runs it a second time if the import raises. So no exception may leave it.
try:
    serve()
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(70)
