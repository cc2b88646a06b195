"""How scripts end: normally, with an error, without a result, or leaving changed state behind."""

import os
import signal
import unittest
import zipfile

from harness import BASE, JobTest

BOX = """
import FreeCAD as App
doc = App.newDocument("D")
doc.addObject("Part::Box", "Box")
doc.recompute()
"""


class Failures(JobTest):
    def test_error_has_line_of_script(self):
        error, job = self.failed(
            "script_error",
            """
            import FreeCAD
            # two
            # three
            def deep(n):
                if n:
                    deep(n - 1)
                raise ValueError("bad") if n == 0 else KeyError(n)
            # eight
            deep(2)
            """,
        )
        self.assertEqual(error["message"], "ValueError: bad")
        self.assertEqual(error["line"], 7)
        self.assertEqual(error["source"], 'raise ValueError("bad") if n == 0 else KeyError(n)')
        self.assertIn('File "bracket_v3.py", line 9, in <module>\n    deep(2)', error["traceback"])
        self.assertNotIn("partwright", error["traceback"])
        self.assertTrue(error["traceback"].startswith("Traceback"))

    def test_error_line_is_not_in_a_library(self):
        error, _ = self.failed("script_error", "import json\n\njson.loads('{')\n")
        self.assertEqual((error["line"], error["source"]), (3, "json.loads('{')"))
        self.assertIn("decoder.py", error["traceback"])

    def test_traceback_has_chained_exceptions(self):
        error, _ = self.failed(
            "script_error",
            """
            try:
                1 / 0
            except ZeroDivisionError as cause:
                raise RuntimeError("outer") from cause
            """,
        )
        self.assertEqual((error["message"], error["line"]), ("RuntimeError: outer", 4))
        self.assertIn("ZeroDivisionError: division by zero", error["traceback"])
        self.assertIn("direct cause", error["traceback"])
        self.assertNotIn("partwright", error["traceback"])

    def test_messages_are_never_empty(self):
        for line, message in (
            ("assert False", "AssertionError: no reason was given"),
            ("raise KeyboardInterrupt", "KeyboardInterrupt: no reason was given"),
            ("import Part; Part.makeLine((0,0,0),(0,0,0))", "OCCError: Line through identic points"),
            ("import FreeCAD; FreeCAD.newDocument().addObject('Nope')", "ValueError: Empty module name"),
            ("import Part; Part.read('/nope.step')", "RuntimeError: FreeCAD exception thrown (File to load"),
            ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E: no reason was given"),
            ("f = lambda: f()\nf()", "RecursionError: maximum recursion depth exceeded"),
            ("input()", "EOFError: EOF when reading a line"),
        ):
            error, _ = self.failed("script_error", line)
            self.assertTrue(error["message"].startswith(message), error["message"])
            self.assertTrue(error["traceback"])

    def test_blocked_path_gets_advice(self):
        advice = "Write to os.environ['FREECAD_OUTPUT'], or leave the export to the runner."
        head = BOX + "import Import, Mesh, Part, os, pathlib, shutil\nbox, path = doc.Box, '/proc/out/x.step'\n"
        for line in (
            "Part.export([box], '/proc/out/x.step')",
            "Part.export(\n    [box],\n    path,\n)",
            "def save(where):\n    Import.export([box], os.path.join(where, 'x.step'))\nsave('/proc/out')",
            "box.Shape.exportBrep(f'/proc/out/{box.Name}.brep')",
            "Mesh.Mesh().write(pathlib.Path(path).as_posix())",
            "Part.export([box], 'C:/Users/me/x.step')",
            "os.makedirs('/proc/out')",
            "open('/proc/out', 'w')",
            "pathlib.Path('/proc/out').mkdir()",
            "shutil.copy(__file__, path)",
        ):
            error, _ = self.failed("script_error", head + line + "\n")
            self.assertTrue(error["message"].endswith(advice), error["message"])
        self.assertEqual(
            self.failed("script_error", head + "Part.export([box], path)\n")[0]["message"],
            "RuntimeError: FreeCAD exception thrown (Writing of STEP failed). "
            f"A job cannot write to '/proc/out/x.step'. {advice}",
        )
        # Reads, missing directories inside the job's own, and failures unrelated to a path.
        for line in (
            "Part.read('/proc/out/x.step')",
            "open('/proc/out')",
            "Part.export([box], 'nowhere/x.step')",
            "Part.export([box], os.environ['FREECAD_OUTPUT'] + '/nowhere/x.step')",
            "path.export()",
            "Part.makeLine((0, 0, 0), (0, 0, 0)), '/proc/out'",
        ):
            error, _ = self.failed("script_error", head + line + "\n")
            self.assertNotIn("FREECAD_OUTPUT", error["message"])

    def test_syntax_errors(self):
        error, _ = self.failed("syntax_error", "a = 1\nb = (2\nc = 3\n")
        self.assertEqual((error["line"], error["column"], error["source"]), (2, 5, "b = (2"))
        self.assertEqual(error["message"], "SyntaxError: '(' was never closed")
        error, _ = self.failed("syntax_error", "if True:\nx = 1\n")
        self.assertEqual((error["line"], error["source"]), (2, "x = 1"))
        self.assertTrue(error["message"].startswith("IndentationError"))
        error, _ = self.failed("syntax_error", b"a = 1\nb = '\xff'\n")
        self.assertEqual(error["line"], 2)
        error, _ = self.failed("syntax_error", b"a = 1\n\n\0")
        self.assertEqual(error["line"], 3)
        self.failed("syntax_error", "(" * 500 + ")" * 500)
        self.failed("syntax_error", "-" * 200_000 + "1")

    def test_syntax_error_runs_no_line(self):
        good = BOX + "print('it ran')\nopen('trace', 'w').close()\n"
        watched = {"WATCH_DOCUMENTS": "1"}
        for last, column in (("box = (1,\n", 7), ("x = 1 +* 2\n", 8), ("return 5\n", 1), ("  y = 2\n", 2)):
            error, job = self.failed("syntax_error", good + last, env=watched)
            # The harness removes the empty line at the top.
            self.assertEqual((error["line"], error["column"]), (good.count("\n"), column), last)
            self.assertEqual(job.phases, ["ready", "script"])
            self.assertEqual(job.log, "documents: []\n", last)
            self.assertEqual(os.listdir(job.work), ["script.py"], last)
        # Without the syntax error the same lines do leave traces.
        job = self.completed(good, env=watched)
        self.assertIn("it ran\n", job.log)
        self.assertIn("documents: ['D']\n", job.log)
        self.assertEqual(sorted(os.listdir(job.work)), ["script.py", "trace"])

    def test_sys_exit(self):
        error, _ = self.failed("script_error", "import sys\nsys.exit(3)\n")
        self.assertEqual((error["message"], error["line"]), ("the script ended with sys.exit(3)", 2))
        error, _ = self.failed("script_error", "import sys\nsys.exit('gone wrong')\n")
        self.assertIn("gone wrong", error["message"])
        for call in ("sys.exit()", "sys.exit(0)", "exit()", "raise SystemExit"):
            self.completed(BOX + f"import sys\n{call}\nraise ValueError\n")

    def test_no_document(self):
        error, _ = self.failed("no_geometry", "print('hello')\n")
        self.assertIn("newDocument", error["message"])

    def test_empty_document(self):
        self.failed("no_geometry", "import FreeCAD\nFreeCAD.newDocument()\n")
        self.failed("no_geometry", "import FreeCAD\nFreeCAD.newDocument().addObject('App::Part', 'P')\n")

    def test_all_documents_closed(self):
        self.failed("no_geometry", BOX + "App.closeDocument(doc.Name)\n")

    def test_failed_fillet(self):
        error, _ = self.failed(
            "invalid_shape",
            BOX
            + """
fillet = doc.addObject("Part::Fillet", "Fillet")
fillet.Label = "Rundung"
fillet.Base, fillet.Edges = doc.Box, [(1, 99.0, 99.0)]
doc.recompute()
""",
        )
        self.assertEqual(error["object"], "Rundung")
        self.assertIn("BRep_API", error["message"])

    def test_empty_cut_and_null_shape(self):
        error, _ = self.failed(
            "invalid_shape",
            BOX + "cut = doc.addObject('Part::Cut', 'Nothing')\n"
            "cut.Base, cut.Tool = doc.Box, doc.addObject('Part::Box', 'Same')\n",
        )
        self.assertEqual(error["object"], "Nothing")
        error, _ = self.failed("invalid_shape", BOX + "doc.addObject('Part::Feature', 'Hollow')\n")
        self.assertEqual(error["object"], "Hollow")
        error, _ = self.failed("invalid_shape", BOX + "doc.addObject('Mesh::Feature', 'Bare')\n")
        self.assertEqual(error["object"], "Bare")

    def test_invalid_solid(self):
        error, _ = self.failed(
            "invalid_shape",
            BOX + "import Part\nf = Part.makePolygon([(0,0,0),(10,10,0),(10,0,0),(0,10,0),(0,0,0)])\n"
            "doc.addObject('Part::Feature', 'Knot').Shape = Part.Face(f).extrude(App.Vector(0,0,5))\n",
        )
        self.assertEqual(error["object"], "Knot")

    def test_out_of_memory(self):
        script = "a = []\nwhile True:\n    a.append(bytearray(50_000_000))\n"
        error, _ = self.failed("out_of_memory", script, preexec=limit("AS", 2 << 30))
        self.assertEqual(error["line"], 3)

    def test_file_larger_than_allowed(self):
        error, _ = self.failed("export_failed", BOX, preexec=limit("FSIZE", 4096))
        self.assertIn("STEP file could not be written: it is larger", error["message"])

    def test_output_directory_gone(self):
        self.failed("output_unusable", BOX + "import os, shutil\nshutil.rmtree(os.environ['FREECAD_OUTPUT'])\n")

    def test_failed_spreadsheet_is_a_warning(self):
        job = self.completed(BOX + "s = doc.addObject('Spreadsheet::Sheet', 'S')\ns.set('A1', '=B1 / 0 + nope.x')\n")
        self.assertEqual(job.result["geometry"]["solids"], 1)


class Jailed(JobTest):
    """With another uid that has no passwd entry, under resource limits, as the runner runs jobs."""

    UID = 64001
    AS_UID = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]

    @unittest.skipUnless(os.geteuid() == 0, "needs root to change its uid")
    def test_other_uid_under_limits(self):
        limits = ["prlimit", "--as=1073741824", "--nproc=4", "--fsize=67108864", "--core=0", "--nofile=256"]
        job = self.completed(BOX + "print(App.ConfigGet('AppTempPath'))\n", wrap=limits + self.AS_UID, owner=self.UID)
        self.assertEqual(job.log, job.home + "/temp/\n")
        self.assertEqual(sorted(os.listdir(job.home)), ["temp"])


class Crashes(JobTest):
    def test_exit_without_a_result(self):
        job = self.job(BOX + "import os\nos._exit(0)\n")
        self.assertIsNone(job.result)
        self.assertEqual((job.status, job.phases), (0, ["ready", "script"]))

    def test_fatal_signals_reach_the_exit_status(self):
        job = self.job("print('before')\nimport ctypes\nctypes.string_at(0)\n")
        self.assertIsNone(job.result)
        self.assertEqual(job.status, -signal.SIGSEGV)
        self.assertIn("before", job.log)
        self.assertIn('File "bracket_v3.py", line 3', job.log)
        job = self.job("import os\nos.abort()\n")
        self.assertEqual(job.status, -signal.SIGABRT)


class ChangedState(JobTest):
    def test_main_guard_runs_once(self):
        job = self.completed(
            BOX
            + """
import os, sys
if __name__ == "__main__":
    with open("ran", "a") as file:
        file.write("x")
assert sys.argv == [__file__] and sys.modules["__main__"].doc is doc
"""
        )
        with open(os.path.join(job.work, "ran")) as file:
            self.assertEqual(file.read(), "x")

    def test_failing_script_runs_once(self):
        _, job = self.failed("script_error", "open('ran', 'a').write('x')\nraise ValueError\n")
        self.assertEqual(os.path.getsize(os.path.join(job.work, "ran")), 1)

    def test_changed_interpreter_is_restored(self):
        for line in (
            "import builtins\nbuiltins.open = None",
            "import builtins\nbuiltins.len = builtins.isinstance = builtins.sorted = builtins.print = None",
            "import json, os\njson.dumps = json.JSONEncoder = os.write = os.replace = os.listdir = None",
            "import sys, io\nsys.stdout = sys.stderr = io.StringIO()",
            "import sys\nsys.stdout = sys.stderr = None",
            "import sys\nsys.stdout.close()",
            "import sys\nfor name in list(sys.modules):\n    if name != 'sys': del sys.modules[name]",
            "import sys\nsys.modules['Part'] = sys.modules['os'] = sys.path = None",
            "App.Placement = App.Vector = None\nimport Part, Mesh\nPart.getShape = Mesh.Mesh = None",
            "import os\nos.closerange(0, 3)",
            "import os\nos.chdir('/')\nos.umask(0o777)",
            "import signal\nsignal.alarm(1)",
            "import sys\nsys.settrace(lambda *a: 1/0)",
            "import sys\nsys.setrecursionlimit(60)",
            "import warnings\nwarnings.simplefilter('error')",
            "import atexit, os\natexit.register(os._exit, 9)",
            "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
            "import time\ntime.perf_counter = time.time = None",
            "import gc\ngc.disable()\ngc.set_threshold(0)",
            "import tempfile, shutil\ntempfile.mkdtemp = shutil.rmtree = None\ntempfile.tempdir = '/nope'",
            "class K(type(App)): pass\ndel App, doc",
            "import locale\nlocale.setlocale(locale.LC_ALL, 'C')",
            "__name__ = __file__ = None\nglobals().clear()",
        ):
            with self.subTest(line):
                self.completed(BOX + line)

    def test_prints_a_lot(self):
        script = "for i in range(50_000): print('line', i)\nimport sys\nsys.stdout.write('last\\udcff')\n"
        job = self.completed(BOX + script)
        self.assertTrue(job.log.endswith("line 49999\nlast\\udcff"))

    def test_progress_bars_are_silent(self):
        script = "for i in range(3): doc.Box.Length = 5 + i; doc.recompute()\n"
        job = self.completed(BOX + script + "doc.saveAs(doc.getTempFileName('x') + '.FCStd')\n")
        self.assertEqual(job.log, "")

    def test_surrogates_and_long_messages(self):
        error, _ = self.failed("script_error", "raise ValueError('\\udc80' + 'x' * 1_000_000)\n")
        self.assertIn("\\udc80", error["message"])
        self.assertLess(len(error["message"]), 40_000)

    def test_first_opened_file_is_3(self):
        job = self.completed(
            BOX + "import os, subprocess\nassert open('/dev/null').fileno() == 3\nassert os.read(0, 9) == b''\n"
            "print(subprocess.run(['ls', '/proc/self/fd'], capture_output=True, text=True).stdout.split())\n"
        )
        self.assertIn("['0', '1', '2', '3']", job.log)


class ScriptOutputs(JobTest):
    MADE = BOX + "import os, Import, Mesh, Part\nout = os.environ['FREECAD_OUTPUT'] + '/'\nbox = doc.Box\n"

    def made_by(self, job):
        return {format: file["made_by"] for format, file in job.files.items()}

    def test_valid_exports_are_used(self):
        job = self.completed(
            self.MADE + f"doc.saveAs(out + '{BASE}.fcstd')\nImport.export([box], out + '{BASE}.stp')\n"
            f"Mesh.export([box], out + '{BASE}.Stl')\nMesh.export([box], out + '{BASE}.obj')\n"
        )
        self.assertEqual(set(self.made_by(job).values()), {"script"})
        self.assertEqual(job.result["geometry"]["facets"], 12)
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 1000)

    def test_garbage_is_not_used(self):
        job = self.completed(
            self.MADE + f"open(out + '{BASE}.stl', 'w').write('garbage')\nopen(out + '{BASE}.step', 'w')\n"
            f"Part.export([doc.addObject('App::Part', 'P')], out + '{BASE}.stp')\n"
            f"Mesh.export([], out + '{BASE}.obj')\nopen(out + '{BASE}.FCStd', 'wb').write(b'PK')\n"
        )
        self.assertEqual(set(self.made_by(job).values()), {"runner"})
        self.assertGreaterEqual(len(job.result["warnings"]), 4, job.result["warnings"])
        self.assertEqual(len(job.read("STL")), 84 + 600)

    def test_other_name_is_used_if_unique(self):
        job = self.completed(self.MADE + "Mesh.export([box], out + 'Bottle.stl')\n")
        self.assertEqual(self.made_by(job), {"FCStd": "runner", "STEP": "runner", "STL": "script", "OBJ": "runner"})
        job = self.completed(self.MADE + "for n in 'ab': Mesh.export([box], out + n + '.stl')\n")
        self.assertEqual(self.made_by(job)["STL"], "runner")

    TWO = MADE + "lid = doc.addObject('Part::Box', 'Lid')\nlid.Placement.Base.z = 20\ndoc.recompute()\n"

    def test_export_of_one_part_is_not_the_model(self):
        job = self.completed(
            self.TWO + "Import.export([lid], out + 'lid.step')\nMesh.export([lid], out + 'lid.stl')\n"
            "Mesh.export([lid], out + 'lid.obj')\n"
        )
        self.assertEqual(set(self.made_by(job).values()), {"runner"})
        self.assertEqual((len(self.step(job).Solids), len(job.read("STL"))), (2, 84 + 24 * 50))
        for format, warning in zip(("step", "stl", "obj"), job.result["warnings"]):
            self.assertIn(f"own lid.{format} is not the model: it measures 10 × 10 × 10 mm from", warning)
        # A part with the model's bounding box.
        job = self.completed(self.TWO + "lid.Length = lid.Width = lid.Height = 2\nlid.Placement.Base.z = 0\n"
            "doc.recompute()\nImport.export([box], out + 'case.step')\n")  # fmt: skip
        self.assertEqual(self.made_by(job)["STEP"], "runner")
        self.assertIn("its volume is 1000 mm³, the model's 1008 mm³", job.result["warnings"][0])

    def test_part_under_the_models_name_is_kept(self):
        job = self.completed(self.TWO + f"Part.export([lid], out + '{BASE}.step')\n")
        self.assertEqual(self.made_by(job)["STEP"], "script")
        (warning,) = job.result["warnings"]
        self.assertIn(f"own {BASE}.step differs from the model: it measures", warning)
        self.assertIn("kept", warning)

    def test_curved_and_moved_exports_match(self):
        job = self.completed(
            self.MADE + "doc.removeObject('Box')\nring = doc.addObject('Part::Torus', 'Ring')\n"
            "ring.Placement = App.Placement(App.Vector(500, 1, 2), App.Rotation(App.Vector(1, 2, 3), 40))\n"
            "wire = Part.BSplineCurve([App.Vector(*p) for p in ((0, 0), (9, 20), (20, -30), (30, 5))]).toShape()\n"
            "bent = doc.addObject('Part::Feature', 'Bent')\n"
            "bent.Shape = Part.Wire(wire).makePipeShell([Part.Wire(Part.makeCircle(2))], True, False)\n"
            "doc.recompute()\nImport.export([ring, bent], out + 'a.step')\n"
            "Mesh.export([ring, bent], out + 'a.stl')\nMesh.export([ring, bent], out + 'a.obj')\n"
            "doc.saveAs(out + 'a.FCStd')\n"
        )
        self.assertEqual(set(self.made_by(job).values()), {"script"})
        self.assertFalse([warning for warning in job.result["warnings"] if "own" in warning])

    def test_stale_document_is_saved_again(self):
        for name in (BASE, "Early"):
            for line in (
                "doc.addObject('Part::Box', 'Late').Placement.Base.z = 20",
                "box.Length = 30",
                "doc.removeObject('Box')\ndoc.addObject('Part::Box', 'Box').Width = 3",
                "doc.addObject('Part::Feature', 'Late').Shape = box.Shape.translated(App.Vector(0, 0, 20))",
                "box.Label = 'Late'",
            ):
                script = self.MADE + f"doc.saveAs(out + '{name}.FCStd')\n{line}\n"
                job = self.completed(script)
                self.assertEqual(self.made_by(job)["FCStd"], "runner", line)
                (warning,) = job.result["warnings"]
                self.assertIn(f"own {name}.FCStd is not the model: the document was changed after", warning)
                with zipfile.ZipFile(job.path("FCStd")) as archive:
                    saved, window = archive.read("Document.xml").decode(), archive.read("GuiDocument.xml").decode()
                self.assertEqual('name="Late"' in saved or 'value="Late"' in saved, "Late" in line, line)
                for object in job.result["geometry"]["objects"]:
                    self.assertIn(f'<ViewProvider name="{object["name"]}"', window)
        job = self.completed(BOX.replace("doc.recompute()", "") + "import os\n"
            f"doc.saveAs(os.environ['FREECAD_OUTPUT'] + '/{BASE}.FCStd')\n")  # fmt: skip
        self.assertEqual(self.made_by(job)["FCStd"], "runner")

    def test_document_is_not_stale_without_change(self):
        for line in (
            "doc.recompute(None, True)\nMesh.export([box], 'x.stl')\nbox.Shape.tessellate(0.01)",
            "box.Visibility = False\nbox.ViewObject.ShapeColor = (1.0, 0.0, 0.0)",
            f"App.closeDocument('D')\ndoc = App.openDocument(out + '{BASE}.FCStd')\ndoc.recompute()",
        ):
            more = "ball = doc.addObject('Part::Sphere', 'Ball')\nball.Placement = App.Placement(App.Vector(3, 50, 7), "
            more += "App.Rotation(App.Vector(1, 2, 3), 40))\nbody = doc.addObject('PartDesign::Body', 'Body')\n"
            more += "body.newObject('PartDesign::AdditiveBox', 'X')\ncut = doc.addObject('Part::Cut', 'Cut')\n"
            more += "cut.Base, cut.Tool = doc.addObject('Part::Cone', 'C'), doc.addObject('Part::Box', 'B')\n"
            more += f"doc.recompute()\ndoc.saveAs(out + '{BASE}.FCStd')\n"
            job = self.completed(self.MADE + more + line + "\n")
            self.assertEqual((self.made_by(job)["FCStd"], job.result["warnings"]), ("script", []), line)

    def test_other_document_under_the_models_name_is_kept(self):
        made = "other = App.newDocument('O')\nother.saveAs(out + '{}.FCStd')\nApp.closeDocument('O')\n"
        job = self.completed(self.MADE + made.format(BASE))
        self.assertEqual(self.made_by(job)["FCStd"], "script")
        self.assertIn("differs from the model: it holds another document", job.result["warnings"][0])
        job = self.completed(self.MADE + made.format("Other"))
        self.assertEqual(self.made_by(job)["FCStd"], "runner")

    def test_links_and_directories_are_not_followed(self):
        job = self.completed(
            self.MADE + "victim = out + 'victim.txt'\nopen(victim, 'w').write('keep')\n"
            f"os.symlink(victim, out + '{BASE}.step')\nos.symlink(victim, out + '{BASE}.STL')\n"
            f"os.symlink(victim, out + '{BASE}.FCStd')\nos.mkdir(out + '{BASE}.OBJ')\n"
            f"open(out + '{BASE}.OBJ/x', 'w')\nos.mkfifo(out + '{BASE}.stl')\n"
        )
        self.assertEqual(set(self.made_by(job).values()), {"runner"})
        for format in job.files:
            self.assertTrue(os.path.isfile(job.path(format)) and not os.path.islink(job.path(format)))
        with open(os.path.join(job.output, "victim.txt")) as file:
            self.assertEqual(file.read(), "keep")

    def test_files_without_a_document(self):
        job = self.completed(
            self.MADE + f"Part.export([box], out + '{BASE}.step')\nApp.closeDocument('D')\n", formats=["STEP"]
        )
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 1000)
        script = "import Mesh, os\nMesh.createBox(1, 1, 1).write(os.environ['FREECAD_OUTPUT'] + '/a.stl')\n"
        job = self.completed(script, formats=["STL"])
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 1)
        self.assertEqual(job.result["geometry"]["facets"], 12)

    def test_saved_and_closed_document_is_reopened(self):
        job = self.completed(self.MADE + f"doc.saveAs(out + '{BASE}.FCStd')\nApp.closeDocument('D')\n")
        self.assertEqual(self.made_by(job), {"FCStd": "script", "STEP": "runner", "STL": "runner", "OBJ": "runner"})


def limit(name, value):
    import resource

    return lambda: resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


if __name__ == "__main__":
    unittest.main()
