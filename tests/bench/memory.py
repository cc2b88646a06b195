"""How much memory processes and all that they start take together, at the most.

The figure is the sum of their proportional set sizes: memory that several of them share counts once. The kernel walks a
process's page tables for it, so nothing is timed meanwhile.
"""

import os
import threading
import time

PAUSE = 0.01


def nobody(_processes):
    """For runs in which nothing is looked at."""


def peak(run, script, count, at_once, scratch):
    """KiB at the most while `run(script, count, at_once, scratch, watch)` runs what it tells `watch` of."""
    roots, found, over = [], [0], threading.Event()

    def look():
        while not over.is_set():
            found[0] = max(found[0], total([process.pid for process in list(roots) if process.poll() is None]))
            time.sleep(PAUSE)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        run(script, count, at_once, scratch, roots.extend)
    finally:
        over.set()
        looking.join()
    return found[0]


def total(roots):
    """KiB of these processes and their descendants now."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            parent = number(f"/proc/{name}/status", "PPid:")
            children.setdefault(parent, []).append(int(name))
    counted, waiting = 0, list(roots)
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        # The runner hides its memory from all but root; one that has ended meanwhile has none.
        counted += number(f"/proc/{process}/smaps_rollup", "Pss:") or number(f"/proc/{process}/status", "VmRSS:")
    return counted


def number(path, field):
    """The first number after a field's name; 0 where the file cannot be read or has no such field."""
    try:
        with open(path) as file:
            return next((int(line.split()[1]) for line in file if line.startswith(field)), 0)
    except OSError:
        return 0
