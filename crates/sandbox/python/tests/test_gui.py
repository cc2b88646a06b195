"""Scripts written for FreeCAD's window."""

import unittest

from harness import JobTest

HEAD = """
    import FreeCAD as App
    import FreeCADGui as Gui
    doc = App.newDocument("D")
    box = doc.addObject("Part::Box", "Box")
    doc.recompute()
"""


class Gui(JobTest):
    def test_view_calls(self):
        job = self.completed(
            HEAD
            + """
    Gui.activateWorkbench("PartDesignWorkbench")
    Gui.ActiveDocument.ActiveView.viewIsometric()
    Gui.activeDocument().activeView().fitAll()
    Gui.activeView().setAnimationEnabled(False)
    Gui.SendMsgToActiveView("ViewFit")
    App.Gui.runCommand("Std_OrthographicCamera", 1)
    Gui.updateGui()
    Gui.getDocument("D").getObject("Box").Visibility = True
    Gui.getDocument(doc).ActiveView.setCamera(Gui.ActiveDocument.ActiveView.getCamera())
    Gui.getMainWindow().findChild(object, "Report view").clear()
    Gui.Control.closeDialog()
    assert Gui.ActiveDocument.Document is doc and Gui.ActiveDocument.getObject("Nope") is None
    assert Gui.ActiveDocument == Gui.getDocument("D")
    for thing in doc.Objects: Gui.hideObject(thing); Gui.showObject(thing)
            """
        )
        self.assertEqual((job.log, job.result["warnings"]), ("", []))

    def test_missing_window_is_logged_once(self):
        job = self.completed(
            HEAD
            + """
    for _ in range(3):
        Gui.runCommand("Part_Fuse")
        Gui.ActiveDocument.ActiveView.saveImage("a.png", 800, 600, "White")
            """
        )
        self.assertEqual(job.log.count("no window"), 2, job.log)

    def test_gui_up_stays_zero(self):
        self.completed(
            """
            import FreeCAD
            if FreeCAD.GuiUp:
                raise ValueError
            import FreeCADGui
            assert not FreeCAD.GuiUp
            FreeCAD.newDocument().addObject("Part::Box", "Box")
            """
        )

    def test_recorded_macro_without_imports(self):
        job = self.completed(
            """
            App.newDocument("Unnamed")
            App.activeDocument().addObject("Part::Box", "Box")
            Gui.activeDocument().resetEdit()
            Gui.doCommand("App.ActiveDocument.Box.Length = 20")
            App.ActiveDocument.recompute()
            """
        )
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 2000)

    def test_set_active_document(self):
        self.completed(
            HEAD
            + """
    App.newDocument("E")
    for given in (Gui.getDocument("D"), doc, "D"):
        Gui.ActiveDocument = Gui.getDocument("E")
        assert Gui.ActiveDocument.Document.Name == "E"
        Gui.ActiveDocument = given
        assert Gui.ActiveDocument.Document is doc and Gui.getDocument(Gui.ActiveDocument) is Gui.ActiveDocument
    Gui.ActiveDocument = None
    assert Gui.ActiveDocument is None
    Gui.setActiveDocument("D")
            """
        )

    def test_objects_are_attributes_of_gui_document(self):
        self.completed(
            HEAD
            + """
    Gui.ActiveDocument.Box.ShapeColor = (1.0, 0.0, 0.0)
    Gui.getDocument("D").Box.Transparency = 25
    assert box.ViewObject.ShapeColor == (1, 0, 0, 0) and box.ViewObject.Transparency == 25
    assert Gui.ActiveDocument.Box is box.ViewObject is Gui.ActiveDocument.ActiveObject
    assert not Gui.ActiveDocument.Nope
    # The null object keeps no values: they would appear in unrelated places.
    Gui.ActiveDocument.Nope.ShapeColor = (1.0, 0.0, 0.0)
    assert not Gui.Anything.ShapeColor
    import copy
    copy.copy(Gui.ActiveDocument)
    Gui.activeView().setActiveObject("pdbody", box)
    assert Gui.activeView().getActiveObject("pdbody") is box and Gui.activeView().getActiveObject("part") is None
            """
        )

    def test_recorded_sketch_editing(self):
        self.completed(
            HEAD
            + """
    import Show
    from Show.mTempoVis import TempoVis
    sketch = doc.addObject("Sketcher::SketchObject", "Sketch")
    view = sketch.ViewObject
    view.TempoVis = Show.TempoVis(doc, tag=view.TypeId)
    if view.EditingWorkbench or view.HideDependent or view.ShowSupport or view.ShowLinks or view.RestoreCamera:
        raise ValueError
    view.TempoVis.sketchClipPlane(sketch, view.SectionView)
    view.TempoVis.restore()
    assert "TempoVis" in view.PropertiesList and "TempoVis" not in box.ViewObject.PropertiesList
            """
        )

    def test_view_object_values(self):
        self.completed(
            HEAD
            + """
    view = box.ViewObject
    assert view is Gui.ActiveDocument.getObject("Box") and view.Object is box and view.Document is Gui.ActiveDocument
    assert view.ShapeColor == (0.8, 0.8, 0.8, 0.0) and view.DiffuseColor == [(0.8, 0.8, 0.8, 0.0)]
    assert (view.Transparency, view.LineWidth, view.DisplayMode, view.Visibility) == (0, 2.0, "Flat Lines", True)
    assert "ShapeColor" in view.PropertiesList and not hasattr(view, "FontName")
    view.ShapeColor = (1.0, 0.5, 0.0)
    assert view.ShapeColor == (1.0, 0.5, 0.0, 0.0)
    view.Transparency = 40
    assert view.DiffuseColor == [(1.0, 0.5, 0.0, 0.4)]
    view.ShapeColor = 0xff000000
    assert view.ShapeColor == (1, 0, 0, 0) == view.ShapeMaterial.DiffuseColor
    view.ShapeColor = (255, 0, 255)
    assert view.ShapeColor == (1, 0, 1, 0)
    faces = view.DiffuseColor * 6
    faces[2] = (0.0, 1.0, 0.0)
    view.DiffuseColor = faces
    assert view.DiffuseColor[2] == (0, 1, 0, 0) and len(view.DiffuseColor) == 6
    view.Invented = [1]
    assert view.Invented == [1]
    view.addProperty("App::PropertyFloat", "Size", "Base", "doc").Size = 3
    view.Proxy = 0
    view.setAnything(1, two=2)
    view.RootNode.addChild(None)
    material = view.ShapeMaterial
    material.DiffuseColor = (0.0, 0.0, 1.0)
    view.ShapeMaterial = material
    assert view.ShapeColor == (0, 0, 1, 0)
    import copy
    copy.copy(view)
    for wrong in ("red", None, (1.0,)):
        try:
            view.ShapeColor = wrong
        except TypeError:
            continue
        raise AssertionError(wrong)
            """
        )

    def test_visibility_of_object_and_view_object(self):
        job = self.completed(
            HEAD
            + """
    other = doc.addObject("Part::Box", "Other")
    other.Placement.Base.x = 50
    third = doc.addObject("Part::Box", "Third")
    third.Placement.Base.x = 100
    other.ViewObject.Visibility = False
    third.ViewObject.hide()
    assert not other.Visibility and not Gui.ActiveDocument.getObject("Third").isVisible()
    box.Visibility = False
    assert not box.ViewObject.Visibility
    box.ViewObject.show()
            """
        )
        self.assertEqual(job.result["geometry"]["solids"], 1)
        self.assertBox(job, (0, 0, 0), (10, 10, 10))

    def test_reused_name_has_default_values(self):
        self.completed(
            HEAD
            + """
    box.ViewObject.ShapeColor = (1.0, 0.0, 0.0)
    doc.removeObject("Box")
    assert doc.addObject("Part::Box", "Box").ViewObject.ShapeColor == (0.8, 0.8, 0.8, 0.0)
    App.closeDocument("D")
    doc = App.newDocument("D")
    assert Gui.ActiveDocument.Document is doc
    assert doc.addObject("Part::Box", "Box").ViewObject.ShapeColor == (0.8, 0.8, 0.8, 0.0)
            """
        )

    def test_selection(self):
        self.completed(
            HEAD
            + """
    Gui.Selection.clearSelection()
    Gui.Selection.addSelection(box)
    Gui.Selection.addSelection("D", "Box", "Face6")
    assert Gui.Selection.getSelection() == [box] and Gui.Selection.isSelected(box)
    chosen = Gui.Selection.getSelectionEx()[0]
    assert chosen.Object is box and chosen.SubObjects[0].CenterOfMass.z == 10
    Gui.Selection.removeSelection(box)
    assert not Gui.Selection.hasSelection()
            """
        )

    def test_gui_modules(self):
        job = self.completed(
            HEAD
            + """
    import PartGui, PartDesignGui, SketcherGui, MeshGui, ImportGui
    from pivy import coin
    PartGui.anything()
    box.Placement.Base.x = 7
    doc.recompute()
    ImportGui.export([box], "own.step")
    import Part
    assert abs(Part.read("own.step").BoundBox.XMin - 7) < 1e-5
    class Bench(Gui.Workbench):
        MenuText = "B"
    Gui.addWorkbench(Bench())
    try:
        import NoSuchGui
    except ImportError:
        pass
    else:
        raise AssertionError
            """
        )
        self.assertEqual(job.log, "")

    def test_message_boxes_are_answered(self):
        job = self.completed(
            HEAD
            + """
    from PySide import QtGui, QtCore
    from PySide2 import QtWidgets
    from PySide2.QtWidgets import QMessageBox, QInputDialog
    import PySide2.QtSvg
    assert QtGui.QMessageBox is QMessageBox
    QMessageBox.information(None, "Done", "All is made")
    if QMessageBox.question(None, "Sure?", "Go on?", QMessageBox.Yes | QMessageBox.No) != QMessageBox.Yes:
        raise ValueError
    box_ = QtGui.QMessageBox()
    box_.setText("By hand")
    assert box_.exec_() == QMessageBox.Ok
    assert QInputDialog.getDouble(None, "Width", "mm", 12.5) == (12.5, True)
    assert QtGui.QFileDialog.getSaveFileName(None, "Save")[0] == ""
    assert QtGui.QColor(1, 2, 3).red() == 1 and QtCore.QT_TRANSLATE_NOOP("a", "b") == "b"
    class Panel(QtWidgets.QDialog):
        def __init__(self):
            super().__init__()
            layout = QtWidgets.QVBoxLayout(self)
            layout.addWidget(QtWidgets.QPushButton("OK", clicked=self.accept))
            self.resize(100, 100)
    assert Panel().exec_() == 0
    app = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
            """
        )
        *messages, dialog = job.log.splitlines()
        self.assertEqual(messages, ["Done: All is made", "Sure?: Go on?", "By hand"])
        self.assertIn("a dialog was closed without an answer", dialog)

    def test_widget_values(self):
        job = self.completed(
            """
            import FreeCAD as App
            from PySide import QtGui
            from PySide2.QtWidgets import *
            class Panel(QDialog):
                def __init__(self):
                    super().__init__()
                    self.setWindowTitle("Panel")
                    self.length = QLineEdit("25", self)
                    self.width = QDoubleSpinBox(minimum=1.0, maximum=50.0, value=12.5)
                    self.count = QSpinBox(); self.count.setRange(2, 9); self.count.setValue(40)
                    self.round = QCheckBox("Rounded"); self.round.setChecked(True)
                    self.shape = QComboBox(); self.shape.addItems(["Box", "Rod"]); self.shape.addItem("Ball", 3)
                    self.shape.setCurrentIndex(1)
                    self.notes = QtGui.QTextEdit("some")
                    self.list = QListWidget(); self.list.addItem(QListWidgetItem("one")); self.list.addItem("two")
                    self.table = QTableWidget(2, 2); self.table.setItem(0, 1, QTableWidgetItem("5"))
                    layout = QVBoxLayout(self); layout.addWidget(self.length); self.setLayout(layout)
            panel = Panel()
            panel.show()
            panel.exec_()
            while panel.isVisible(): pass
            assert panel and panel.windowTitle() == "Panel" and panel.layout() and panel.isEnabled()
            assert (float(panel.length.text()), panel.width.value(), panel.count.value()) == (25, 12.5, 9)
            assert panel.width.text() == "12.5" and panel.round.isChecked() and panel.round.checkState() == 2
            assert (panel.shape.currentText(), panel.shape.count(), panel.shape.itemData(2)) == ("Rod", 3, 3)
            panel.shape.setCurrentText("Ball")
            assert (panel.shape.currentIndex(), panel.shape.currentData(), panel.shape.findText("x")) == (2, 3, -1)
            assert panel.notes.toPlainText() == "some" and panel.list.item(1).text() == "two"
            assert panel.table.item(0, 1).text() == "5" and panel.table.item(1, 1) is None
            assert QLineEdit().text() == "" == QComboBox().currentText()
            assert QSpinBox().value() == 0 and QCheckBox().isChecked() is False
            assert QComboBox().currentIndex() == -1 and QPushButton("OK").text() == "OK"
            panel.length.setText("30"); panel.notes.clear(); panel.shape.clear()
            assert panel.length.text() == "30" and not panel.notes.toPlainText() and not panel.shape.count()
            class Bare(QWidget):
                def __init__(self): pass
            bare = Bare(); bare.setText("x"); bare.anything(1).more = 2
            assert bare.text() == "x" and QLineEdit().text() == ""
            box = App.newDocument("D").addObject("Part::Box", "Box")
            box.Length, box.Width = panel.length.text(), panel.width.value()
            """
        )
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 30 * 12.5 * 10)

    def test_arch_floors_and_buildings(self):
        job = self.completed(
            """
            import FreeCAD as App, Arch, Draft
            doc = App.newDocument("D")
            wall = Arch.makeWall(length=3000, width=200, height=2500)
            floor = Arch.makeFloor([wall])
            building = Arch.makeBuilding([floor])
            Arch.makeSite([building])
            assert not floor.ViewObject.Proxy
            doc.recompute()
            """
        )
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 3000 * 200 * 2500, delta=1)

    def test_draft_and_arch_run(self):
        job = self.completed(
            """
            import FreeCAD as App, Arch, Draft
            doc = App.newDocument("D")
            line = Draft.make_line(App.Vector(0, 0), App.Vector(2000, 0))
            wall = Arch.makeWall(line, width=200, height=1000)
            Draft.autogroup(wall)
            wall.ViewObject.ShapeColor = (0.9, 0.9, 0.7)
            Draft.make_text("hello").ViewObject.FontSize = 3
            doc.recompute()
            """
        )
        self.assertAlmostEqual(job.result["geometry"]["volume_mm3"], 2000 * 200 * 1000, delta=1)


if __name__ == "__main__":
    unittest.main()
