"""Colours and visibility in the files: FCStd, STEP and the mesh for GLB and picture."""

import json
import os
import re
import struct
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree
import zipfile

from harness import ALL, BASE, JobTest

READER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "read_back.py")
SHOWN = [*ALL, "GLB", "PNG"]
RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
GREY = (0.8, 0.8, 0.8, 1.0)
MODEL = """
    import FreeCAD as App
    doc = App.newDocument("D")
    box = doc.addObject("Part::Box", "Box")
    box.Label = "It's a Größe"
    rod = doc.addObject("Part::Cylinder", "Rod")
    rod.Placement.Base.x = 30
    plain = doc.addObject("Part::Box", "Plain")
    plain.Placement.Base.y = 30
    box.ViewObject.ShapeColor = (1.0, 0.0, 0.0)
    box.ViewObject.Transparency = 50
    rod.ViewObject.DiffuseColor = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0, 0.5)]
    doc.recompute()
"""


class FilesTest(JobTest):
    """Reads the files back."""

    def shown(self, script):
        job = self.job(script, formats=SHOWN)
        self.assertEqual(job.result and (job.result["outcome"], job.result["error"]), ("completed", None), job.log)
        return job

    def gui_document(self, path):
        """The properties of each object in GuiDocument.xml."""
        with zipfile.ZipFile(path) as archive:
            self.assertIsNone(archive.testzip())
            document = ElementTree.fromstring(archive.read("GuiDocument.xml"))
            self.assertTrue(document.find("Camera").get("settings"))
            providers = document.findall("ViewProviderData/ViewProvider")
            self.assertEqual(int(document.find("ViewProviderData").get("Count")), len(providers))
            found = {}
            for provider in providers:
                properties = provider.findall("Properties/Property")
                self.assertEqual(int(provider.find("Properties").get("Count")), len(properties))
                found[provider.get("name")] = {one.get("name"): value(one[0], archive) for one in properties}
            return found

    def read_back(self, path):
        done = subprocess.run(
            ["freecadcmd", READER],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "READ_BACK": path, "HOME": os.path.dirname(path)},
            timeout=60,
        )
        answer = re.search(rb"^ANSWER (.*)$", done.stdout, re.MULTILINE)
        self.assertTrue(answer, done.stdout)
        return json.loads(answer[1])

    def mesh(self, job):
        with open(os.path.join(job.output, job.result["mesh"]), "rb") as file:
            return parse(file.read())


class Colours(FilesTest):
    def test_gui_document(self):
        job = self.completed(MODEL + "    plain.Visibility = False\n    doc.addObject('App::Part', 'P')\n")
        shown = self.gui_document(job.path("FCStd"))
        self.assertEqual(shown["Box"]["ShapeColor"], 0xFF000000)
        self.assertEqual(shown["Box"]["Transparency"], 50)
        self.assertEqual(shown["Box"]["DiffuseColor"], [0xFF000080])
        self.assertEqual(shown["Rod"]["DiffuseColor"], [0xFF000000, 0x00FF0000, 0x0000FF80])
        self.assertEqual(shown["Plain"], {"Visibility": False})
        self.assertEqual([shown[name]["Visibility"] for name in ("Box", "Rod", "P")], [True] * 3)
        self.assertFalse(shown["Origin"]["Visibility"])
        opened = self.read_back(job.path("FCStd"))
        self.assertEqual(list(opened)[:4], ["Box", "Rod", "Plain", "P"])
        self.assertEqual(sorted(opened), sorted(shown))
        self.assertAlmostEqual(opened["Box"][1], 1000)
        self.assertEqual([opened[name][0] for name in ("Box", "Rod", "Plain")], [True, True, False])

    def test_gui_document_without_colours(self):
        job = self.completed(
            """
            import FreeCAD as App
            doc = App.newDocument("D")
            body = doc.addObject("PartDesign::Body", "Body")
            first = body.newObject("PartDesign::AdditiveBox", "First")
            last = body.newObject("PartDesign::AdditiveCylinder", "Last")
            a, b = doc.addObject("Part::Box", "A"), doc.addObject("Part::Box", "B")
            cut = doc.addObject("Part::Cut", "Cut")
            cut.Base, cut.Tool, b.Length = a, b, 5
            cut.Placement.Base.x = 50
            doc.recompute()
            """
        )
        shown = {name: one["Visibility"] for name, one in self.gui_document(job.path("FCStd")).items()}
        # A Body shows its last feature, and shows nothing if that is hidden.
        wanted = {"Body": True, "First": False, "Last": True, "A": False, "B": False, "Cut": True, "Origin": False}
        self.assertEqual({name: shown[name] for name in wanted}, wanted)
        self.assertNotIn(b"COLOUR", job.read("STEP"))

    def test_scripts_own_fcstd_opens_visibly(self):
        job = self.completed(MODEL + f"    import os\n    doc.saveAs(os.environ['FREECAD_OUTPUT'] + '/{BASE}.FCStd')\n")
        self.assertEqual(job.files["FCStd"]["made_by"], "script")
        shown = self.gui_document(job.path("FCStd"))
        self.assertEqual((shown["Box"]["ShapeColor"], shown["Plain"]), (0xFF000000, {"Visibility": True}))
        self.assertEqual(len(self.read_back(job.path("FCStd"))), 3)

    def test_other_fcstd_is_not_changed(self):
        job = self.completed(
            MODEL + "    import os\n    other = App.newDocument('O')\n    other.addObject('Part::Box', 'X')\n"
            f"    other.saveAs(os.environ['FREECAD_OUTPUT'] + '/{BASE}.FCStd')\n    App.closeDocument('O')\n"
        )
        self.assertNotIn("GuiDocument.xml", zipfile.ZipFile(job.path("FCStd")).namelist())

    def test_step(self):
        job = self.completed(MODEL)
        content = job.read("STEP").decode()
        numbers = re.findall(r"^#(\d+) =", content, re.MULTILINE)
        self.assertEqual(len(numbers), len(set(numbers)))
        strings = re.sub(r"'(?:[^']|'')*'", "''", content)
        self.assertEqual(set(re.findall(r"#(\d+)", strings)), set(numbers))
        for line in content[content.index("= COLOUR_RGB") :].splitlines()[1:-2]:
            self.assertRegex(line, r"^(#\d+ = [A-Z_]+\(|  #\d+[,)])")
        shape = self.step(job)
        self.assertTrue(shape.isValid())
        self.assertAlmostEqual(shape.Volume, job.result["geometry"]["volume_mm3"], 3)
        found = dict(self.read_back(job.path("STEP")))
        self.assertEqual(found["It's a Größe"], [*RED, 0.5])
        self.assertNotEqual(found["Plain"][:3], [*RED])
        faces = {round(centre[2]): tuple(colour) for centre, colour in found["Rod"]}
        self.assertEqual(faces, {5: (*RED, 0), 0: (*GREEN, 0), 10: (*BLUE, 0.5)})

    def test_step_of_one_object_and_of_parts(self):
        script = """
            import FreeCAD as App
            doc = App.newDocument("D")
            part = doc.addObject("App::Part", "P")
            body = doc.addObject("PartDesign::Body", "Body")
            body.newObject("PartDesign::AdditiveBox", "Block")
            {}
            body.Placement.Base.x = 5
            body.ViewObject.ShapeColor = (0.0, 0.0, 1.0)
            doc.recompute()
            """
        for line in ("", "part.addObject(body)"):
            job = self.completed(script.format(line))
            self.assertEqual([colour for _, colour in self.read_back(job.path("STEP"))], [[*BLUE, 0]])
            self.assertAlmostEqual(self.step(job).BoundBox.XMin, 5, 4)
            shown = self.gui_document(job.path("FCStd"))
            self.assertEqual(shown["Block"]["DiffuseColor"], [0x0000FF00])

    def test_colours_are_inherited(self):
        made = """
            import FreeCAD as App
            doc = App.newDocument("D")
            a, b = doc.addObject("Part::Box", "A"), doc.addObject("Part::Box", "B")
            b.Placement.Base.x = 40
            a.ViewObject.ShapeColor = (1.0, 0.0, 0.0)
            {}
            doc.recompute()
            """
        cut = "c = doc.addObject('Part::Cut', 'C'); c.Base, c.Tool = a, b; "
        for line, name, wanted in (
            (cut, "C", RED),
            (cut + "c.ViewObject.ShapeColor = (0.0, 1.0, 0.0)", "C", GREEN),
            ("c = doc.addObject('Part::MultiFuse', 'C'); c.Shapes = [b, a]", "C", RED),
            ("c = doc.addObject('Part::Fillet', 'C'); c.Base, c.Edges = a, [(1, 1., 1.)]", "C", RED),
            ("import Draft; Draft.clone(a).Label = 'C'", "C", RED),
            ("c = doc.addObject('App::Link', 'C'); c.LinkedObject = a; c.Placement.Base.y = 40", "C", RED),
            ("doc.recompute()\nc = a\nfor i in range(600): d = doc.addObject('Part::Feature'); "
             "d.addProperty('App::PropertyLink', 'Base'); d.Base, d.Shape, c = c, a.Shape, d\nc.Label = 'C'", "C", RED),
        ):  # fmt: skip
            line = line.replace("\n", "\n            ")
            job = self.shown(made.format(line))
            parts = {part["label"]: part for part in self.mesh(job)}
            self.assertEqual(parts[name]["base"], (*wanted, 1.0), line)

    def test_compound_has_colours_of_its_parts(self):
        job = self.shown(
            """
            import FreeCAD as App
            doc = App.newDocument("D")
            a, b = doc.addObject("Part::Box", "A"), doc.addObject("Part::Cone", "B")
            a.Placement.Base.x = 40
            b.ViewObject.ShapeColor = (1.0, 0.0, 0.0)
            both = doc.addObject("Part::Compound", "Both")
            both.Links = [a, b]
            doc.recompute()
            """
        )
        (part,) = self.mesh(job)
        self.assertEqual([(count > 0, colour) for count, colour in part["runs"]], [(True, GREY), (True, (*RED, 1.0))])
        self.assertEqual(part["runs"][0][0], 12)
        found = dict(self.read_back(job.path("STEP")))
        self.assertEqual([colour for name, colour in found.items() if colour[:3] == list(RED)], [[*RED, 0]])

    def test_links_groups_and_arrays_have_colours(self):
        made = """
            import FreeCAD as App, Draft
            doc = App.newDocument("D")
            a, b, hidden = (doc.addObject("Part::Box", name) for name in ("A", "B", "Hidden"))
            part = doc.addObject("App::Part", "P")
            a.Placement.Base.x, hidden.Visibility = 40, False
            a.ViewObject.ShapeColor = (1.0, 0.0, 0.0)
            b.ViewObject.ShapeColor = (0.0, 0.0, 1.0)
            {}
            thing.Label = "Thing"
            doc.recompute()
            """
        red, blue = (12, (*RED, 1.0)), (12, (*BLUE, 1.0))
        in_part, array = "part.addObjects([a, hidden, b]); thing = ", "n_x=2, n_y=1, n_z=1, use_link=True)"
        for line, runs in (
            (in_part + "doc.addObject('App::Link'); thing.LinkedObject = part", [red, blue]),
            ("thing = doc.addObject('App::LinkGroup'); thing.ElementList = [b, a]", [blue, red]),
            (in_part + "doc.addObject('App::Link'); thing.LinkedObject = part; thing.ElementCount = 2",
             [red, blue] * 2),
            (in_part + "Draft.make_ortho_array(part, " + array, [red, blue] * 2),
            (in_part + "Draft.make_ortho_array(part, " + array + "; thing.ExpandArray = True", [red, blue] * 2),
            (in_part + "doc.addObject('App::Link'); thing.LinkedObject = part; thing.ElementCount = 2; "
             "thing.ElementList[0].ViewObject.ShapeColor = (0.0, 0.0, 1.0)", [(24, blue[1]), red, blue]),
        ):  # fmt: skip
            job = self.shown(made.format(line))
            parts = {part["label"]: part for part in self.mesh(job)}
            self.assertEqual(parts["Thing"]["runs"], runs, line)
        for line in (
            "thing = Draft.make_ortho_array(a, " + array,
            "thing = Draft.make_ortho_array(a, " + array + "; thing.ExpandArray = True",
            "thing = Draft.make_polar_array(a, number=3, angle=360, use_link=True)",
        ):
            job = self.shown(made.format(line))
            parts = {part["label"]: part for part in self.mesh(job)}
            self.assertEqual((parts["Thing"]["base"], parts["Thing"]["runs"]), ((*RED, 1.0), []), line)
            self.assertEqual(dict(self.read_back(job.path("STEP")))["A"], [*RED, 0], line)

    def test_copies_look_like_their_originals(self):
        made = """
            import FreeCAD as App, Draft
            doc = App.newDocument("D")
            a, b = doc.addObject("Part::Box", "A"), doc.addObject("Part::Box", "B")
            cut = doc.addObject("Part::Cut", "Cut")
            cut.Base, cut.Tool, b.Length = a, b, 5
            a.ViewObject.ShapeColor = (1.0, 0.0, 0.0)
            a.ViewObject.Proxy = 1
            doc.recompute()
            {}
            copy.Label = "Copy"
            doc.recompute()
            """
        for line in (
            "copy = doc.copyObject(a); a.ViewObject.ShapeColor = (0.0, 0.0, 1.0); assert not copy.ViewObject.Proxy",
            "copy = doc.copyObject([b, a])[1]",
            "copy = doc.copyObject(cut, True)",
            "copy = doc.copyObject([cut], True, True)[-1]",
            "copy = Draft.move(a, App.Vector(50, 0, 0), copy=True)",
            "copy = Draft.rotate(a, 180, copy=True)",
            "doc = App.newDocument(); copy = doc.copyObject(a)",
            "part = doc.addObject('App::Part'); part.addObject(cut); part = doc.copyObject(part, True); "
            "copy = next(thing for thing in part.Group if thing.TypeId == 'Part::Cut')",
        ):
            job = self.shown(made.format(line))
            parts = {part["label"]: part for part in self.mesh(job)}
            self.assertEqual(parts["Copy"]["base"], (*RED, 1.0), line)

    def test_copying_a_non_object_raises(self):
        error, _ = self.failed("script_error", "import FreeCAD as App\nApp.newDocument().copyObject(5)\n")
        self.assertTrue(error["message"].startswith("TypeError"), error)

    def test_faces_of_a_boolean_have_operand_colours(self):
        job = self.shown(
            """
            import FreeCAD as App
            doc = App.newDocument("D")
            a, b = doc.addObject("Part::Box", "A"), doc.addObject("Part::Cylinder", "B")
            b.Placement.Base = App.Vector(5, 5, 5)
            a.ViewObject.ShapeColor = (1.0, 0.0, 0.0)
            b.ViewObject.ShapeColor = (0.0, 0.0, 1.0)
            fuse = doc.addObject("Part::Fuse", "F")
            fuse.Base, fuse.Tool = a, b
            fuse.Placement = App.Placement(App.Vector(100, 0, 0), App.Rotation(App.Vector(0, 0, 1), 90))
            doc.recompute()
            """
        )
        (part,) = self.mesh(job)
        at, heights = 0, {}
        for count, colour in part["runs"]:
            points = {i for triangle in part["triangles"][at : at + count] for i in triangle}
            heights.setdefault(colour[:3], set()).update(part["vertices"][i][2] for i in points)
            at += count
        self.assertEqual(heights, {RED: {0.0, 10.0}, BLUE: {10.0, 15.0}})
        ((_, faces),) = self.read_back(job.path("STEP"))
        for centre, colour in faces:
            self.assertEqual(colour[:3], [*(BLUE if centre[2] > 10.1 else RED)], centre)

    def test_import_gui_writes_colours(self):
        job = self.completed(
            MODEL + "    import ImportGui, os\n"
            f"    ImportGui.export([box], os.environ['FREECAD_OUTPUT'] + '/{BASE}.step')\n"
        )
        self.assertEqual(job.files["STEP"]["made_by"], "script")
        self.assertEqual(self.read_back(job.path("STEP")), [["It's a Größe", [*RED, 0.5]]])

    def test_colours_survive_closing_and_opening(self):
        job = self.shown(
            MODEL + f"    import os\n    path = os.environ['FREECAD_OUTPUT'] + '/{BASE}.FCStd'\n    doc.saveAs(path)\n"
            "    App.closeDocument(doc.Name)\n    App.openDocument(path)\n"
        )
        self.assertEqual({part["base"] for part in self.mesh(job)}, {(*RED, 0.5), GREY})


class Meshes(FilesTest):
    def test_mesh_of_everything(self):
        job = self.shown(MODEL)
        self.assertEqual(set(job.files), set(ALL))
        parts = {part["label"]: part for part in self.mesh(job)}
        self.assertEqual(set(parts), {"It's a Größe", "Rod", "Plain"})
        self.assertEqual(sum(len(part["triangles"]) for part in parts.values()), job.result["geometry"]["facets"])
        self.assertAlmostEqual(volume(parts["Plain"]), 1000, 2)
        whole = sum(volume(part) for part in parts.values())
        self.assertAlmostEqual(whole, job.result["geometry"]["volume_mm3"], delta=whole * 0.01)
        self.assertEqual(parts["It's a Größe"]["base"], (*RED, 0.5))
        self.assertEqual((parts["Plain"]["base"], parts["Plain"]["runs"]), (GREY, []))
        # The height of its triangles identifies a face.
        rod, at = parts["Rod"], 0
        for (count, colour), wanted in zip(rod["runs"], (None, 0.0, 10.0)):
            heights = {rod["vertices"][i][2] for triangle in rod["triangles"][at : at + count] for i in triangle}
            self.assertEqual(heights, {0.0, 10.0} if wanted is None else {wanted})
            at += count
        self.assertEqual(at, len(rod["triangles"]))
        self.assertEqual([colour for _, colour in rod["runs"]], [(*RED, 1.0), (*GREEN, 1.0), (*BLUE, 0.5)])

    def test_colours_do_not_change_the_stl(self):
        plain = self.completed(re.sub(r"\n.*ViewObject.*", "", MODEL))
        self.assertEqual(self.completed(MODEL).read("STL"), plain.read("STL"))

    def test_mesh_objects_and_global_placement(self):
        job = self.shown(
            """
            import FreeCAD as App, Mesh
            doc = App.newDocument("D")
            part = doc.addObject("App::Part", "P")
            part.Placement.Base.z = 50
            mesh = doc.addObject("Mesh::Feature", "M")
            mesh.Mesh = Mesh.createBox(10, 10, 10)
            mesh.ViewObject.ShapeColor = (0.0, 1.0, 0.0)
            part.addObject(mesh)
            """
        )
        (part,) = self.mesh(job)
        self.assertEqual((part["base"], sorted({point[2] for point in part["vertices"]})), ((*GREEN, 1.0), [45, 55]))
        self.assertAlmostEqual(volume(part), 1000, 2)

    def test_picture_only(self):
        job = self.job(MODEL, formats=["PNG"])
        self.assertEqual((job.result["outcome"], job.result["files"]), ("completed", []))
        self.assertEqual(os.listdir(job.output), [job.result["mesh"]])

    def test_no_mesh_file_unless_requested(self):
        job = self.completed(MODEL)
        self.assertIsNone(job.result["mesh"])
        self.assertNotIn("mesh.pwm", os.listdir(job.output))

    def test_lines_have_no_mesh(self):
        job = self.shown("import Draft\nApp.newDocument()\nDraft.make_line(App.Vector(), App.Vector(1, 2, 3))\n")
        self.assertIsNone(job.result["mesh"])
        self.assertTrue(any("GLB, PNG" in warning for warning in job.result["warnings"]), job.result["warnings"])

    def test_mesh_of_scripts_own_files(self):
        job = self.shown(MODEL + f"    import os, Part\n    out = os.environ['FREECAD_OUTPUT'] + '/{BASE}'\n"
            "    os.symlink('/etc/passwd', os.path.dirname(out) + '/mesh.pwm')\n"
            "    Part.export([box], out + '.step')\n    App.closeDocument('D')\n")  # fmt: skip
        self.assertAlmostEqual(sum(map(volume, self.mesh(job))), 1000, 2)
        self.assertFalse(os.path.islink(os.path.join(job.output, "mesh.pwm")))


def value(element, archive):
    if element.tag == "ColorList":
        content = archive.read(element.get("file"))
        count = struct.unpack("<I", content[:4])[0]
        return list(struct.unpack(f"<{count}I", content[4:]))
    if element.tag == "Bool":
        return element.get("value") == "true"
    return float(element.get("value"))


def parse(content):
    at = 4

    def take(layout):
        nonlocal at
        found = struct.unpack_from(f"<{layout}", content, at)
        at += struct.calcsize(f"<{layout}")
        return found

    def table(layout):
        return [take(layout) for _ in range(take("I")[0])]

    assert content[:4] == b"PWM1"
    parts = []
    for _ in range(take("I")[0]):
        length = take("I")[0]
        label = content[at : at + length].decode()
        at += length
        base = tuple(round(number, 6) for number in take("4f"))
        part = {"label": label, "base": base, "vertices": table("3f"), "triangles": table("3I")}
        part["runs"] = [(count, tuple(round(n, 6) for n in colour)) for count, *colour in table("I4f")]
        assert not part["runs"] or sum(count for count, _ in part["runs"]) == len(part["triangles"])
        parts.append(part)
    assert at == len(content)
    return parts


def volume(part):
    """By the divergence theorem."""
    total = 0.0
    for triangle in part["triangles"]:
        (a, b, c), (d, e, f), (g, h, i) = (part["vertices"][index] for index in triangle)
        total += a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return total / 6


if __name__ == "__main__":
    unittest.main()
