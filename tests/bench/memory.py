"""Measures the peak memory of processes together with their descendants.

It is the sum of their proportional set sizes: memory that several processes share counts once. The kernel walks a
process's page tables for each value, so no run is timed while it is measured.
"""

import os
import threading
import time

PAUSE = 0.01


def unwatched(_processes):
    """The `watch` function of runs without measurement."""


def peak(run, script, count, at_once, scratch):
    """Peak KiB of the processes that `run(script, count, at_once, scratch, watch)` passes to `watch`."""
    roots, found, done = [], [0], threading.Event()

    def sample():
        while not done.is_set():
            found[0] = max(found[0], total([process.pid for process in list(roots) if process.poll() is None]))
            time.sleep(PAUSE)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        run(script, count, at_once, scratch, roots.extend)
    finally:
        done.set()
        sampler.join()
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
        # Only root may read the runner's memory map; a process that has ended has none.
        counted += number(f"/proc/{process}/smaps_rollup", "Pss:") or number(f"/proc/{process}/status", "VmRSS:")
    return counted


def number(path, field):
    """The first number after a field's name; 0 if the file cannot be read or has no such field."""
    try:
        with open(path) as file:
            return next((int(line.split()[1]) for line in file if line.startswith(field)), 0)
    except OSError:
        return 0
