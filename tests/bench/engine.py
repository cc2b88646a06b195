"""Compares the engine with plain FreeCAD, in one run: `make bench-engine`.

The baseline is a queue worker without this engine: a fresh `freecadcmd` for each script, which makes the document and
exports FCStd, STEP, STL and OBJ itself; one at a time, and two at a time. The engine runs the same scripts with all its
steps: the jail, the geometry check, colours, GLB and the picture. Times are wall time a job, so both pay for the
processes that they start. The ways take turns for several rounds, and the best round of each counts, as other programs
may use the machine. Memory is measured in separate runs (memory.py), as that takes time. FreeCAD's own work is the
processor time of the same script and exports in a warm process (warm.py); the rest of its time is overhead.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

import memory

HERE = os.path.dirname(os.path.abspath(__file__))
RUNNER = os.environ["PARTWRIGHT_RUNNER"]
ROUNDS = 3
# The script, cold jobs a round, engine jobs a round, repetitions in a warm process.
CASES = [("one_box", 6, 150, 100), ("seven_objects", 6, 60, 30), ("heavy", 2, 4, 3)]
EXPORTS = os.path.join(HERE, "exports.py")


def cold(script, count, at_once, scratch, watch=memory.unwatched):
    """Seconds a job with a fresh freecadcmd each, `at_once` of them at a time."""
    began = time.perf_counter()
    for first in range(0, count, at_once):
        running = []
        for number in range(first, first + at_once):
            out = os.path.join(scratch, f"cold{number}")
            os.makedirs(out, exist_ok=True)
            environment = {**os.environ, "FREECAD_OUTPUT": out, "FREECAD_USER_HOME": out, "HOME": out}
            process = subprocess.Popen(["freecadcmd", script], env=environment, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            running.append((process, out))
        watch([process for process, _ in running])
        for process, out in running:
            process.wait()
            assert os.path.getsize(os.path.join(out, "MyHeadlessModel.STL")) > 84, out
    return (time.perf_counter() - began) / count


def engine(script, count, slots, scratch, watch=memory.unwatched):
    """Seconds a job with the engine, from its closing line, which does not count its start."""
    copies = []
    for number in range(count):
        copies.append(os.path.join(scratch, f"job{number}.py"))
        with open(script) as source, open(copies[-1], "w") as target:
            target.write(source.read())
    command = [RUNNER, "run", *copies, "--out", os.path.join(scratch, "out")]
    # A file, not a pipe: nothing reads the output while the memory is measured.
    with open(os.path.join(scratch, "output"), "w+") as output:
        process = subprocess.Popen(command, env={**os.environ, "RUNNER_SLOTS": str(slots)}, stdout=output)
        watch([process])
        status = process.wait()
        output.seek(0)
        closing = output.read().splitlines()[-1].split()
    assert status == 0 and closing[0] == closing[2] == str(count), closing
    return float(closing[5]) / count


def own_work(script, count, scratch):
    """Processor seconds a job of the same script and exports in a warm FreeCAD."""
    out = os.path.join(scratch, "warm")
    os.makedirs(out)
    environment = {**os.environ, "FREECAD_OUTPUT": out, "FREECAD_USER_HOME": out, "HOME": out, "WARM_SCRIPT": script,
                   "WARM_EXPORTS": EXPORTS, "WARM_COUNT": str(count), "WARM_ANSWER": os.path.join(out, "answer")}
    subprocess.run(["freecadcmd", os.path.join(HERE, "warm.py")], env=environment, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(environment["WARM_ANSWER"]) as answer:
        return float(answer.read())


def machine():
    """The version of FreeCAD, and how long the engine takes to be ready; the best of three."""
    ready = []
    for _ in range(3):
        output = subprocess.run([RUNNER, "check"], stdout=subprocess.PIPE, text=True, check=True).stdout
        ready.append(float(re.search(r"^engine +ready in ([0-9.]+) s", output, re.M)[1]))
    return re.search(r"^freecad +(.+)$", output, re.M)[1], min(ready)


def bench(name, few, many, repetitions, cores):
    """Prints one script's table; returns jobs a minute and milliseconds a job."""
    with tempfile.TemporaryDirectory() as scratch:
        script = os.path.join(HERE, "scripts", f"{name}.py")
        baseline = os.path.join(scratch, "baseline.py")
        with open(script) as source, open(EXPORTS) as exports, open(baseline, "w") as target:
            target.write(source.read() + exports.read() + "os._exit(0)\n")
        cold(baseline, 2, 2, scratch)  # Warms the disk cache for both.
        ways = [("cold, 1 at a time", cold, baseline, few, 1), ("cold, 2 at a time", cold, baseline, few, 2),
                ("engine, 1 slot", engine, script, many, 1), (f"engine, {cores} slots", engine, script, many, cores)]
        rounds = [[run(file, count, at_once, scratch) for _, run, file, count, at_once in ways] for _ in range(ROUNDS)]
        seconds = [min(of_way) for of_way in zip(*rounds)]
        peaks = [memory.peak(run, file, max(4, count // 10), at_once, scratch) for _, run, file, count, at_once in ways]
        own = own_work(script, repetitions, scratch)
    row = "{:<20}{:>10}{:>13}{:>17}{:>17}{:>13}".format
    print("\n" + row(name, "ms a job", "jobs a min", "against 1 cold", "against 2 cold", "peak MiB"))
    for (way, *_), took, peak in zip(ways, seconds, peaks):
        against = [f"{reference / took:.1f} times" for reference in seconds[:2]]
        print(row(way, f"{1000 * took:.1f}", f"{60 / took:.0f}", *against, f"{peak / 1024:.0f}"))
    print(f"FreeCAD's own work: {1000 * own:.1f} ms; the engine's overhead on 1 slot: "
          f"{1000 * (seconds[2] - own):.1f} ms a job", flush=True)
    return {"two_cold": 60 / seconds[1], "engine": 60 / seconds[3], "own_ms": 1000 * own, "one_slot_ms": 1000 * seconds[2]}


def main():
    cores = os.cpu_count()
    freecad, ready = machine()
    print(f"{cores} cores, {freecad}; the engine is ready in {ready:.2f} s")
    figures = {case[0]: bench(*case, cores) for case in CASES}
    if len(sys.argv) > 1:  # For `make bench`, which prints them with its other figures.
        with open(sys.argv[1], "w") as target:
            json.dump(figures, target)


if __name__ == "__main__":
    sys.exit(main())
