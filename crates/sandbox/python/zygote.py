"""The fork server, `freecadcmd zygote.py`: loads FreeCAD once, then runs each job in a fork of itself.

One server serves one slot, so one job at a time. Its only way in and out is the socket on fd 3: the daemon sends a job
(its length in four bytes, big end first, then JSON; with the descriptors for stdout, stderr, events and the Landlock
ruleset); it answers in lines, {"forked": pid}, and {"exited": pid, "status": …, "cpu": seconds} when the job is over. It ends when the
daemon closes the socket.

It runs no script itself and holds no secret: every child has a copy of its memory.
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
    """Loads what jobs need, then forks one child a job."""
    import atexit  # noqa: F401  As the modules below: loaded here once, for the children.
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

    # A script's `import geometry` must find its own file or nothing, never a neighbour of this one.
    sys.path.remove(here)
    with process.quiet_stdout():  # The banner must not be in the children's buffers too.
        pass
    warm_up()
    snapshot = Snapshot()
    channel = socket.socket(fileno=SOCKET)
    # What is there now stays: the collector must not touch, and so copy, every page of it in each child.
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
            work(json.loads(packet), snapshot, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.sendall(b'{"forked": %d}\n' % child)
        _, status, used = os.wait4(child, 0)
        cpu = used.ru_utime + used.ru_stime
        channel.sendall(b'{"exited": %d, "status": %d, "cpu": %.3f}\n' % (child, status, cpu))


def warm_up():
    """Rehearses a whole job on a box: what FreeCAD and Python do at the first one of a process, no child pays for."""
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
    # A child has the forking thread alone, and would wait for the others for ever.
    end_pooled_threads()
    deadline = time.monotonic() + 10
    while len(os.listdir("/proc/self/task")) != 1:  # A thread that has ended takes the kernel a moment to remove.
        if time.monotonic() > deadline:
            raise RuntimeError("the fork server has more than one thread")
        time.sleep(0.001)


def end_pooled_threads():
    """Ends Qt's idle threads, of which meshing starts some; the pool starts new ones where they are wanted."""
    import ctypes

    qt = ctypes.CDLL(None)
    pool = qt._ZN11QThreadPool14globalInstanceEv  # QThreadPool::globalInstance()
    wait = qt._ZN11QThreadPool11waitForDoneEi  # QThreadPool::waitForDone(int), which ends them too
    pool.restype, wait.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]
    wait(pool(), -1)


def work(request, snapshot, stdout, stderr, events, ruleset):
    """The child: takes its places, enters the jail, does the job. Never returns."""
    try:
        import time

        from partwright import jail, job, process, report

        started = time.perf_counter()
        null = os.open(os.devnull, os.O_RDONLY)
        for descriptor, place in ((null, 0), (stdout, 1), (stderr, 2)):
            os.dup2(descriptor, place)
        # Out of the way of the script's own files: a script's first `open` gets 3.
        pipe = process.move_up(events)
        channel = report.Report(pipe, started)
        try:
            jail.enter(request["jail"], ruleset, keep=(0, 1, 2, pipe))
        except OSError as error:
            channel.jail_failed(error)
            os._exit(71)
        process.settle()
        job.run(request["spec"], channel, snapshot)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)
    os._exit(0)


# freecadcmd imports this file, and when the import raises it runs the file a second time. So nothing may leave it.
try:
    serve()
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(70)
