"""Starts `freecadcmd cold.py` with pipes on 0 and 3, as the runner starts a job, and reads the results."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cold.py")
BASE = "MyHeadlessModel"
ALL = ["FCStd", "STEP", "STL", "OBJ"]


class Job:
    """A finished job: `result` (None without one), `phases`, `files` by format, `log`, `status`, `seconds`."""

    def __init__(self, script, before=None, wrap=(), preexec=None, env=None, owner=None, **spec):
        self.directory = tempfile.mkdtemp(prefix="partwright-test-")
        self.output, self.work, self.home = (os.path.join(self.directory, name) for name in ("out", "work", "home"))
        for path in (self.output, self.work, self.home):
            os.mkdir(path)
        self.script = os.path.join(self.work, "script.py")
        content = script if isinstance(script, bytes) else textwrap.dedent(script).lstrip("\n").encode()
        with open(self.script, "wb") as file:
            file.write(content)
        if before:
            before(self)
        if owner is not None:
            for path in (self.directory, self.output, self.work, self.home, self.script):
                os.chown(path, owner, owner)
        self.spec = {
            "script": self.script,
            "display_name": "bracket_v3.py",
            "output": self.output,
            "base_name": BASE,
            "formats": ALL,
            "linear_deflection": 0.1,
            "angular_deflection": 0.5,
            **spec,
        }
        self._run(wrap, preexec, env or {})

    def _run(self, wrap, preexec, env):
        events_out, events_in = os.pipe()
        environment = {
            "HOME": self.home,
            "FREECAD_USER_HOME": self.home,
            "FREECAD_OUTPUT": self.output,
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            **env,
        }

        def arrange():
            os.dup2(events_in, 3)
            os.closerange(4, 256)
            if preexec:
                preexec()

        started = time.perf_counter()
        child = subprocess.Popen(
            [*wrap, "freecadcmd", MAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=self.work,
            preexec_fn=arrange,
            close_fds=False,
        )
        os.close(events_in)
        received = []
        reader = threading.Thread(target=lambda: received.append(open(events_out, "rb").read()))
        reader.start()
        try:
            self.log = child.communicate(json.dumps(self.spec).encode(), timeout=120)[0].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        self.seconds = time.perf_counter() - started
        reader.join()
        self.status = child.returncode
        self.events = [json.loads(line) for line in received[0].decode("utf-8").splitlines()]
        self.phases = [event["phase"] for event in self.events if event["event"] == "phase"]
        results = [event for event in self.events if event["event"] == "result"]
        assert len(results) <= 1 and (not results or self.events[-1] is results[0]), self.events
        self.result = results[0] if results else None
        self.files = {file["format"]: file for file in self.result["files"]} if results else {}

    def path(self, format):
        return os.path.join(self.output, self.files[format]["name"])

    def read(self, format):
        with open(self.path(format), "rb") as file:
            return file.read()

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


class JobTest(unittest.TestCase):
    """Runs jobs and asserts on their reports."""

    maxDiff = None

    def job(self, script, **options):
        job = Job(script, **options)
        self.addCleanup(job.remove)
        return job

    def completed(self, script, formats=ALL, **options):
        job = self.job(script, **options)
        self.assertEqual(job.result and (job.result["outcome"], job.result["error"]), ("completed", None), job.log)
        self.assertEqual([file["format"] for file in job.result["files"]], formats, job.result["warnings"])
        self.assertEqual(job.phases, ["ready", "script", "export"])
        for file in job.result["files"]:
            self.assertEqual(file["name"], f"{BASE}.{file['format']}")
            self.assertGreater(len(job.read(file["format"])), 0)
        self.assertFalse([name for name in os.listdir(job.output) if name.startswith(".export")])
        return job

    def failed(self, code, script, **options):
        job = self.job(script, **options)
        self.assertIsNotNone(job.result, job.log)
        self.assertEqual((job.result["outcome"], job.result["error"]["code"]), ("failed", code), job.result)
        self.assertEqual(job.result["files"], [])
        self.assertTrue(job.result["error"]["message"])
        return job.result["error"], job

    def assertBox(self, job, low, high):
        box = job.result["geometry"]["bounding_box"]
        for wanted, found in zip([*low, *high], [*box["min"], *box["max"]]):
            self.assertAlmostEqual(wanted, found, places=4, msg=f"{box}")

    def step(self, job):
        """The exported STEP, read by FreeCAD."""
        return part().read(job.path("STEP"))


def part():
    # /usr/bin/python3 finds FreeCAD's compiled modules only in this path.
    if "/usr/lib/freecad-python3/lib" not in sys.path:
        sys.path.append("/usr/lib/freecad-python3/lib")
    import FreeCAD  # Part needs it loaded first.
    import Part

    return Part
