"""Which objects are the model, and whether its files and measures are right."""

import io
import os
import re
import unittest
import zipfile

from harness import BASE, JobTest

TWO_BOXES = """
    import FreeCAD as App
    doc = App.newDocument("D")
    a = doc.addObject("Part::Box", "A")
    b = doc.addObject("Part::Box", "B")
    b.Length = b.Width = b.Height = 4
"""


class Models(JobTest):
    def test_box(self):
        job = self.completed(
            """
            import FreeCAD as App
            doc = App.newDocument("D")
            doc.addObject("Part::Box", "Box")
            doc.recompute()
            """
        )
        geometry = job.result["geometry"]
        self.assertAlmostEqual(geometry["volume_mm3"], 1000)
        self.assertAlmostEqual(geometry["area_mm2"], 600)
        self.assertEqual(geometry["center_of_mass"], [5, 5, 5])
        self.assertEqual((geometry["solids"], geometry["faces"], geometry["facets"]), (1, 6, 12))
        self.assertTrue(geometry["watertight"] and geometry["valid"])
        self.assertEqual(geometry["objects"], [{"name": "Box", "label": "Box", "type": "Part::Box"}])
        self.assertBox(job, (0, 0, 0), (10, 10, 10))
        self.assertEqual(len(job.read("STL")), 84 + 12 * 50)
        self.assertEqual({file["made_by"] for file in job.result["files"]}, {"runner"})
        self.assertEqual(job.result["warnings"], [])
        self.assertEqual(job.log, "")

    def test_cut_consumes_its_operands(self):
        job = self.completed(
            TWO_BOXES
            + """
    cut = doc.addObject("Part::Cut", "Cut")
    cut.Base, cut.Tool = a, b
    doc.recompute()
            """
        )
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 1000 - 64)
        self.assertEqual([thing["name"] for thing in job.result["geometry"]["objects"]], ["Cut"])
        self.assertEqual(len(self.step(job).Solids), 1)
        document = zipfile.ZipFile(io.BytesIO(job.read("FCStd"))).read("Document.xml").decode()
        shown = re.findall(r'<Property name="Visibility".*?<Bool value="(true|false)"/>', document, re.DOTALL)
        self.assertEqual(shown, ["false", "false", "true"])

    def test_section_does_not_consume_its_solids(self):
        job = self.completed(
            TWO_BOXES
            + """
    section = doc.addObject("Part::Section", "Section")
    section.Base, section.Tool = a, b
    doc.recompute()
            """
        )
        self.assertEqual(job.result["geometry"]["solids"], 2)

    def test_mirror_does_not_consume_its_source(self):
        job = self.completed(
            """
            import FreeCAD as App
            doc = App.newDocument("D")
            a = doc.addObject("Part::Box", "A")
            m = doc.addObject("Part::Mirroring", "M")
            m.Source, m.Normal = a, App.Vector(1, 0, 0)
            """
        )
        self.assertEqual(job.result["geometry"]["solids"], 2)
        self.assertBox(job, (-10, 0, 0), (10, 10, 10))

    def test_clone_does_not_consume_its_source(self):
        job = self.completed(TWO_BOXES + "    import Draft\n    Draft.clone(a).Placement.Base.x = 50\n")
        self.assertEqual(job.result["geometry"]["solids"], 3)

    def test_facebinder_does_not_consume_its_solid(self):
        job = self.completed(TWO_BOXES + "    import Draft\n    Draft.make_facebinder([(a, ('Face1',))])\n")
        self.assertEqual(job.result["geometry"]["solids"], 2)

    def test_scripted_feature(self):
        job = self.completed(
            TWO_BOXES
            + """
    import Part
    class Rounded:
        def __init__(self, obj):
            obj.addProperty("App::PropertyLink", "Source")
            obj.Proxy = self
        def execute(self, obj):
            obj.Shape = obj.Source.Shape.makeFillet(1, obj.Source.Shape.Edges)
    rounded = doc.addObject("Part::FeaturePython", "Rounded")
    Rounded(rounded)
    rounded.Source = a
            """
        )
        self.assertEqual([thing["name"] for thing in job.result["geometry"]["objects"]], ["B", "Rounded"])

    def test_distance_does_not_coarsen_meshes(self):
        job = self.completed(
            """
            import FreeCAD as App
            doc = App.newDocument("D")
            for i in range(2):
                doc.addObject("Part::Sphere", "Ball").Placement.Base.x = 10_000 * i
            """
        )
        self.assertEqual((job.result["geometry"]["facets"], job.result["warnings"]), (2 * 514, []))

    def test_part_design_body(self):
        job = self.completed(
            """
            import FreeCAD as App, Part, Sketcher
            doc = App.newDocument("D")
            body = doc.addObject("PartDesign::Body", "Body")
            body.Placement.Base.x = 7
            sketch = body.newObject("Sketcher::SketchObject", "Sketch")
            sketch.Support = (body.Origin.OriginFeatures[3], [""])
            sketch.MapMode = "FlatFace"
            points = [App.Vector(*p) for p in ((0, 0), (20, 0), (20, 10), (0, 10))]
            for i in range(4):
                sketch.addGeometry(Part.LineSegment(points[i], points[(i + 1) % 4]), False)
            plane = body.newObject("PartDesign::Plane", "Plane")
            pad = body.newObject("PartDesign::Pad", "Pad")
            pad.Profile, pad.Length = sketch, 5
            doc.recompute()
            fillet = body.newObject("PartDesign::Fillet", "Fillet")
            fillet.Base = (pad, ["Edge1"])
            fillet.Radius = 1
            """
        )
        geometry = job.result["geometry"]
        self.assertEqual([thing["type"] for thing in geometry["objects"]], ["PartDesign::Body"])
        self.assertTrue(990 < geometry["volume_mm3"] < 1000)
        self.assertBox(job, (7, 0, 0), (27, 10, 5))
        self.assertEqual(len(self.step(job).Solids), 1)

    def test_part_container(self):
        job = self.completed(
            """
            import FreeCAD as App
            doc = App.newDocument("D")
            part = doc.addObject("App::Part", "Assembly")
            part.Placement.Base = App.Vector(100, 0, 0)
            for i in range(2):
                box = doc.addObject("Part::Box", "Box")
                part.addObject(box)
                box.Placement.Base = App.Vector(0, 50 * i, 0)
            doc.recompute()
            """
        )
        self.assertBox(job, (100, 0, 0), (110, 60, 10))
        self.assertEqual(job.result["geometry"]["center_of_mass"], [105, 30, 5])
        step = self.step(job)
        self.assertEqual(len(step.Solids), 2)
        self.assertAlmostEqual(step.BoundBox.XMin, 100, 4)
        self.assertIn(b"'Assembly'", job.read("STEP"))
        self.assertEqual(job.read("OBJ").count(b"\ng "), 1)

    def test_body_in_a_moved_part(self):
        job = self.completed(
            """
            import FreeCAD as App
            doc = App.newDocument("D")
            outer = doc.addObject("App::Part", "Outer")
            inner = doc.addObject("App::Part", "Inner")
            outer.addObject(inner)
            outer.Placement.Base.x, inner.Placement.Base.y = 100, 200
            body = doc.addObject("PartDesign::Body", "Body")
            inner.addObject(body)
            body.Placement.Base.z = 300
            body.newObject("PartDesign::AdditiveBox", "Block")
            operand = doc.addObject("Part::Box", "Operand")
            cut = doc.addObject("Part::Cut", "Cut")
            tool = doc.addObject("Part::Box", "Tool")
            cut.Base, cut.Tool = operand, tool
            tool.Length = 5
            for thing in (operand, tool, cut): inner.addObject(thing)
            doc.recompute()
            """
        )
        self.assertBox(job, (100, 200, 0), (110, 210, 310))
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 1500)
        step = self.step(job)
        self.assertEqual(len(step.Solids), 2)
        self.assertAlmostEqual(step.BoundBox.ZMax, 310, 4)

    def test_links(self):
        job = self.completed(
            """
            import FreeCAD as App
            doc = App.newDocument("D")
            box = doc.addObject("Part::Box", "Box")
            link = doc.addObject("App::Link", "Again")
            link.LinkedObject = box
            link.Placement.Base.x = 40
            row = doc.addObject("App::Link", "Row")
            row.LinkedObject = box
            row.ElementCount = 3
            for i, element in enumerate(row.ElementList):
                element.Placement.Base.y = 20 * (i + 1)
            doc.recompute()
            """
        )
        self.assertEqual(job.result["geometry"]["solids"], 5)
        self.assertBox(job, (0, 0, 0), (50, 70, 10))
        self.assertEqual(len(self.step(job).Solids), 5)

    def test_links_to_assembly_and_hidden_operand(self):
        job = self.completed(
            TWO_BOXES
            + """
    cut = doc.addObject("Part::Cut", "Cut")
    cut.Base, cut.Tool = a, b
    part = doc.addObject("App::Part", "P")
    for thing in (a, b, cut): part.addObject(thing)
    again = doc.addObject("App::Link", "Again")
    again.LinkedObject = part
    again.Placement.Base.x = 40
    operand = doc.addObject("App::Link", "Operand")
    operand.LinkedObject = b
    operand.Placement.Base.x = 80
    doc.recompute()
            """
        )
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 936 * 2 + 64)
        self.assertEqual(len(self.step(job).Solids), 3)

    def test_link_group(self):
        job = self.completed(
            TWO_BOXES
            + """
    group = doc.addObject("App::LinkGroup", "Group")
    group.ElementList = [a, b]
    group.Placement.Base.x = 1000
            """
        )
        self.assertBox(job, (1000, 0, 0), (1010, 10, 10))
        step = self.step(job)
        self.assertEqual(len(step.Solids), 2)
        self.assertAlmostEqual(step.BoundBox.XMin, 1000, 4)

    def test_placements_survive_in_step(self):
        for make in (
            "thing = doc.addObject('Part::Box', 'T')",
            "thing = doc.addObject('Part::Feature', 'T'); thing.Shape = Part.makeBox(10, 10, 10)",
            "thing = doc.addObject('PartDesign::Body', 'T'); thing.newObject('PartDesign::AdditiveBox', 'B')",
        ):
            job = self.completed(
                f"""
                import FreeCAD as App, Part
                doc = App.newDocument("D")
                {make}
                thing.Placement = App.Placement(App.Vector(5, 6, 7), App.Rotation(App.Vector(0, 0, 1), 90))
                """
            )
            self.assertBox(job, (-5, 6, 7), (5, 16, 17))
            self.assertAlmostEqual(self.step(job).BoundBox.XMin, -5, 4)
            self.assertAlmostEqual(self.step(job).BoundBox.ZMin, 7, 4)

    def test_mesh_only(self):
        job = self.completed(
            """
            import FreeCAD as App, Mesh
            doc = App.newDocument("D")
            part = doc.addObject("App::Part", "P")
            part.Placement.Base.z = 50
            mesh = doc.addObject("Mesh::Feature", "M")
            mesh.Mesh = Mesh.createBox(10, 10, 10)
            part.addObject(mesh)
            mesh.Placement.Base.x = 100
            """,
            formats=["FCStd", "STL", "OBJ"],
        )
        geometry = job.result["geometry"]
        self.assertAlmostEqual(geometry["volume_mm3"], 1000, 3)
        self.assertAlmostEqual(geometry["center_of_mass"][0], 100, 3)
        self.assertBox(job, (95, -5, 45), (105, 5, 55))
        self.assertTrue(geometry["watertight"])
        self.assertIn("No STEP", job.result["warnings"][0])
        self.assertIn(b"v 105 5 55\n", job.read("OBJ"))

    def test_mesh_of_a_solid_is_not_counted_twice(self):
        job = self.completed(
            """
            import FreeCAD as App, Mesh, MeshPart
            doc = App.newDocument("D")
            ball = doc.addObject("Part::Sphere", "Ball")
            doc.recompute()
            mesh = doc.addObject("Mesh::Feature", "Copy")
            mesh.Mesh = MeshPart.meshFromShape(Shape=ball.Shape, LinearDeflection=0.01, AngularDeflection=0.1)
            """
        )
        geometry = job.result["geometry"]
        self.assertEqual(geometry["solids"], 1)
        self.assertLess(geometry["facets"], 2000)
        self.assertIn("Copy", job.result["warnings"][0])

    def test_sketch_only(self):
        job = self.completed(
            """
            import FreeCAD as App, Part, Sketcher
            doc = App.newDocument("D")
            sketch = doc.addObject("Sketcher::SketchObject", "Sketch")
            sketch.addGeometry(Part.Circle(App.Vector(0, 0, 0), App.Vector(0, 0, 1), 5), False)
            doc.recompute()
            """,
            formats=["FCStd", "STEP"],
        )
        self.assertEqual(len(job.result["warnings"]), 2)
        self.assertIsNone(job.result["geometry"]["volume_mm3"])
        self.assertIsNone(job.result["geometry"]["watertight"])
        self.assertBox(job, (-5, -5, 0), (5, 5, 0))

    def test_sketch_beside_a_solid_is_left_out(self):
        job = self.completed(
            """
            import FreeCAD as App, Part, Sketcher
            doc = App.newDocument("D")
            part = doc.addObject("App::Part", "P")
            sketch = doc.addObject("Sketcher::SketchObject", "Sketch")
            sketch.addGeometry(Part.LineSegment(App.Vector(0, 0, 0), App.Vector(500, 0, 0)), False)
            box = doc.addObject("Part::Box", "Box")
            for thing in (sketch, box): part.addObject(thing)
            doc.recompute()
            """
        )
        self.assertBox(job, (0, 0, 0), (10, 10, 10))
        self.assertNotIn(b"500.", job.read("STEP"))

    def test_hidden_object_is_left_out(self):
        job = self.completed(TWO_BOXES + "    b.Placement.Base.x = 90; b.Visibility = False\n")
        self.assertEqual(job.result["geometry"]["solids"], 1)

    def test_unicode_labels(self):
        job = self.completed(TWO_BOXES + "    a.Label = 'Größe 部品'\n    b.Placement.Base.x = 20\n")
        self.assertIn("g Größe_部品\n", job.read("OBJ").decode("utf-8"))
        self.assertIn("Größe 部品", job.read("STEP").decode("utf-8"))
        self.assertEqual(job.result["geometry"]["objects"][0]["label"], "Größe 部品")

    def test_missing_recompute_is_done(self):
        job = self.completed(TWO_BOXES + "    a.Length = 30\n")
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 3000 + 64)

    def test_draft_modules_load(self):
        job = self.completed(
            """
            import FreeCAD as App, Draft
            doc = App.newDocument("D")
            box = doc.addObject("Part::Box", "Box")
            Draft.make_ortho_array(box, v_x=App.Vector(20, 0, 0), n_x=3, n_y=1, n_z=1)
            wire = Draft.make_circle(3)
            rod = Draft.extrude(wire, App.Vector(0, 0, 40))
            rod.Placement.Base.y = 100
            doc.recompute()
            """
        )
        self.assertEqual(job.result["geometry"]["solids"], 4)
        self.assertEqual(len(self.step(job).Solids), 4)

    def test_several_documents(self):
        script = """
            import FreeCAD as App
            for name in ("First", "Second", "Empty"):
                doc = App.newDocument(name)
                for i in range(0 if name == "Empty" else 2 if name == "First" else 1):
                    doc.addObject("Part::Box", "Box").Placement.Base.x = 30 * i
                doc.recompute()
            App.setActiveDocument({!r})
            """
        for active, solids in (("First", 2), ("Second", 1), ("Empty", 2)):
            job = self.completed(script.format(active))
            self.assertEqual(job.result["geometry"]["solids"], solids)
            self.assertIn("several documents", job.result["warnings"][0])

    def test_tiny_and_huge(self):
        for radius in (0.01, 50_000):
            job = self.completed(
                f"""
                import FreeCAD as App
                doc = App.newDocument("D")
                doc.addObject("Part::Sphere", "Ball").Radius = {radius}
                """
            )
            self.assertTrue(100 < job.result["geometry"]["facets"] < 60_000, job.result)
            self.assertBox(job, [-radius] * 3, [radius] * 3)

    def test_timings_of_phases_and_steps(self):
        timings = self.completed(TWO_BOXES).result["timings_ms"]
        within = ["recompute", "check", "mesh", "measure", "fcstd", "step", "stl", "obj", "hand_over"]
        self.assertEqual(set(timings), {"load", "script", "export", *within})
        self.assertLessEqual(sum(timings[name] for name in within), timings["export"] + 1)
        self.assertTrue(timings["step"] > 0 and timings["check"] > 0)
        _, job = self.failed("script_error", "1 / 0\n")
        self.assertEqual(set(job.result["timings_ms"]), {"load", "script", "export"})

    def test_only_requested_formats_are_written(self):
        job = self.job(TWO_BOXES, formats=["STEP"])
        self.assertEqual(os.listdir(job.output), [f"{BASE}.STEP"])


if __name__ == "__main__":
    unittest.main()
