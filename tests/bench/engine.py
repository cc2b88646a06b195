"""The engine against plain FreeCAD, in one run: `make bench-engine`.

The baseline is what a queue worker does without this engine: a fresh `freecadcmd` a script, which makes the document and
exports FCStd, STEP, STL and OBJ itself; one at a time, and two at a time. The engine does the same scripts with all that
it does for a job: the jail, the geometry gate, colours, GLB and the picture. Figures are wall time a job, so both pay
for what they start. Prints a table.
"""

import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RUNNER = os.environ["PARTWRIGHT_RUNNER"]
CASES = [("one_box", 12, 300), ("seven_objects", 12, 200), ("heavy", 2, 6)]
EXPORTS = """
import os, Mesh, MeshPart, Import
_out = os.environ["FREECAD_OUTPUT"]
_doc = App.ActiveDocument
_used = {link for o in _doc.Objects for link in o.OutList}
_results = [o for o in _doc.Objects if o not in _used]
_doc.saveAs(os.path.join(_out, "MyHeadlessModel.FCStd"))
Import.export(_results, os.path.join(_out, "MyHeadlessModel.STEP"))
_mesh = Mesh.Mesh()
for _o in _results:
    _mesh.addMesh(MeshPart.meshFromShape(Shape=_o.Shape, LinearDeflection=0.1, AngularDeflection=0.5))
_mesh.write(os.path.join(_out, "MyHeadlessModel.STL"))
_mesh.write(os.path.join(_out, "MyHeadlessModel.OBJ"))
os._exit(0)
"""


def cold(script, count, at_once, scratch):
    """Seconds a job with a fresh freecadcmd each, `at_once` of them at a time."""
    began = time.perf_counter()
    for first in range(0, count, at_once):
        running = []
        for number in range(first, first + at_once):
            out = os.path.join(scratch, f"cold{number}")
            os.makedirs(out, exist_ok=True)
            environment = {**os.environ, "FREECAD_OUTPUT": out, "FREECAD_USER_HOME": out, "HOME": out}
            command = ["freecadcmd", script]
            running.append((subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), out))
        for process, out in running:
            process.wait()
            assert os.path.getsize(os.path.join(out, "MyHeadlessModel.STL")) > 84, out
    return (time.perf_counter() - began) / count


def engine(script, count, slots, scratch):
    """Seconds a job with the engine, from its own closing line, which leaves its start out."""
    copies = []
    for number in range(count):
        copies.append(os.path.join(scratch, f"job{number}.py"))
        with open(script) as source, open(copies[-1], "w") as target:
            target.write(source.read())
    command = [RUNNER, "run", *copies, "--out", os.path.join(scratch, "out")]
    answer = subprocess.run(command, env={**os.environ, "RUNNER_SLOTS": str(slots)}, stdout=subprocess.PIPE, text=True)
    closing = answer.stdout.splitlines()[-1].split()
    assert answer.returncode == 0 and closing[0] == closing[2] == str(count), closing
    return float(closing[5]) / count


def main():
    cores = os.cpu_count()
    print(f"{cores} cores; ms a job, in brackets jobs a minute")
    row = "{:<14} {:>16} {:>16} {:>16} {:>16} {:>16}".format
    print(row("script", "cold, 1 a time", "cold, 2 a time", "engine, 1 slot", f"engine, {cores} slots", "against 2 cold"))
    for name, few, many in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            script = os.path.join(HERE, "scripts", f"{name}.py")
            baseline = os.path.join(scratch, "baseline.py")
            with open(script) as source, open(baseline, "w") as target:
                target.write(source.read() + EXPORTS)
            cold(baseline, 2, 2, scratch)  # The disk's cache is warm for both.
            seconds = [cold(baseline, few, 1, scratch), cold(baseline, few, 2, scratch)]
            seconds += [engine(script, many, 1, scratch), engine(script, many, cores, scratch)]
            shown = [f"{1000 * s:.1f} ({60 / s:.0f})" for s in seconds]
            print(row(name, *shown, f"{seconds[1] / seconds[3]:.1f} times"), flush=True)


if __name__ == "__main__":
    sys.exit(main())
