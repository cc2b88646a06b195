# -*- coding: utf-8 -*-
# As FreeCAD's macro recorder writes it, with the lines for the window left in.

# Macro Begin: Bracket.FCMacro +++++++++++++++++++++++++++++++++++++++++++++++++
import FreeCAD
import PartDesign
import PartDesignGui
import Sketcher
import Part

App.newDocument("Unnamed")
App.setActiveDocument("Unnamed")
App.ActiveDocument=App.getDocument("Unnamed")
Gui.ActiveDocument=Gui.getDocument("Unnamed")
Gui.activeDocument().activeView().viewDefaultOrientation()
Gui.activateWorkbench("PartDesignWorkbench")
App.activeDocument().addObject('PartDesign::Body','Body')
App.ActiveDocument.getObject('Body').Label = 'Body'
Gui.activateView('Gui::View3DInventor', True)
Gui.activeView().setActiveObject('pdbody', App.activeDocument().Body)
Gui.Selection.clearSelection()
Gui.Selection.addSelection(App.ActiveDocument.Body)
App.ActiveDocument.recompute()
App.ActiveDocument.Body.newObject('Sketcher::SketchObject','Sketch')
App.ActiveDocument.Sketch.Support = (App.ActiveDocument.getObject('XY_Plane'),[''])
App.ActiveDocument.Sketch.MapMode = 'FlatFace'
App.ActiveDocument.recompute()
Gui.activeDocument().setEdit('Sketch')
ActiveSketch = App.ActiveDocument.getObject('Sketch')
import Show
tv = Show.TempoVis(App.ActiveDocument, tag= ActiveSketch.ViewObject.TypeId)
ActiveSketch.ViewObject.TempoVis = tv
if ActiveSketch.ViewObject.EditingWorkbench:
  tv.activateWorkbench(ActiveSketch.ViewObject.EditingWorkbench)
if ActiveSketch.ViewObject.HideDependent:
  objs = tv.get_all_dependent(App.ActiveDocument.Body, 'Sketch.')
  objs = filter(lambda x: not x.TypeId.startswith("TechDraw::"), objs)
  objs = filter(lambda x: not x.TypeId.startswith("Drawing::"), objs)
  tv.hide(objs)
if ActiveSketch.ViewObject.ShowSupport:
  tv.show([ref[0] for ref in ActiveSketch.Support if not ref[0].isDerivedFrom("PartDesign::Plane")])
if ActiveSketch.ViewObject.ShowLinks:
  tv.show([ref[0] for ref in ActiveSketch.ExternalGeometry])
tv.sketchClipPlane(ActiveSketch, ActiveSketch.ViewObject.SectionView)
tv.hide(ActiveSketch)
del(tv)
tv = ActiveSketch.ViewObject.TempoVis
if ActiveSketch.ViewObject.RestoreCamera:
  tv.saveCamera()
geoList = []
geoList.append(Part.LineSegment(App.Vector(-20,-10,0),App.Vector(20,-10,0)))
geoList.append(Part.LineSegment(App.Vector(20,-10,0),App.Vector(20,10,0)))
geoList.append(Part.LineSegment(App.Vector(20,10,0),App.Vector(-20,10,0)))
geoList.append(Part.LineSegment(App.Vector(-20,10,0),App.Vector(-20,-10,0)))
App.getDocument('Unnamed').getObject('Sketch').addGeometry(geoList,False)
conList = []
conList.append(Sketcher.Constraint('Coincident',0,2,1,1))
conList.append(Sketcher.Constraint('Coincident',1,2,2,1))
conList.append(Sketcher.Constraint('Coincident',2,2,3,1))
conList.append(Sketcher.Constraint('Coincident',3,2,0,1))
App.getDocument('Unnamed').getObject('Sketch').addConstraint(conList)
del geoList, conList
Gui.getDocument('Unnamed').resetEdit()
App.ActiveDocument.recompute()
ActiveSketch = App.getDocument('Unnamed').getObject('Sketch')
tv = ActiveSketch.ViewObject.TempoVis
if tv:
  tv.restore()
ActiveSketch.ViewObject.TempoVis = None
del(tv)
Gui.Selection.addSelection('Unnamed','Body','Sketch.')
App.getDocument('Unnamed').recompute()
App.getDocument('Unnamed').getObject('Body').newObject('PartDesign::Pad','Pad')
App.getDocument('Unnamed').getObject('Pad').Profile = App.getDocument('Unnamed').getObject('Sketch')
App.getDocument('Unnamed').getObject('Pad').Length = 10
App.ActiveDocument.recompute()
App.getDocument('Unnamed').getObject('Pad').ReferenceAxis = (App.getDocument('Unnamed').getObject('Sketch'),['N_Axis'])
App.getDocument('Unnamed').getObject('Sketch').Visibility = False
App.ActiveDocument.recompute()
App.getDocument('Unnamed').getObject('Pad').ViewObject.ShapeColor=getattr(App.getDocument('Unnamed').getObject('Body').getLinkedObject(True).ViewObject,'ShapeColor',App.getDocument('Unnamed').getObject('Pad').ViewObject.ShapeColor)
App.getDocument('Unnamed').getObject('Pad').ViewObject.LineColor=getattr(App.getDocument('Unnamed').getObject('Body').getLinkedObject(True).ViewObject,'LineColor',App.getDocument('Unnamed').getObject('Pad').ViewObject.LineColor)
App.getDocument('Unnamed').getObject('Pad').ViewObject.DisplayMode=getattr(App.getDocument('Unnamed').getObject('Body').getLinkedObject(True).ViewObject,'DisplayMode',App.getDocument('Unnamed').getObject('Pad').ViewObject.DisplayMode)
Gui.getDocument('Unnamed').setEdit(App.getDocument('Unnamed').getObject('Body'), 0, 'Pad.')
Gui.Selection.clearSelection()
Gui.getDocument('Unnamed').resetEdit()
Gui.getDocument("Unnamed").getObject("Pad").ShapeColor = (0.20,0.40,0.60)
FreeCADGui.getDocument('Unnamed').Body.Transparency = 10
App.newDocument("Unnamed1")
Gui.ActiveDocument=Gui.getDocument("Unnamed1")
App.closeDocument("Unnamed1")
App.setActiveDocument("")
App.ActiveDocument=None
Gui.ActiveDocument=None
App.setActiveDocument("Unnamed")
App.ActiveDocument=App.getDocument("Unnamed")
Gui.ActiveDocument=Gui.getDocument("Unnamed")
Gui.Selection.addSelection('Unnamed','Body','Pad.Edge4',20,-10,5)
Gui.SendMsgToActiveView("ViewFit")
# Macro End: Bracket.FCMacro +++++++++++++++++++++++++++++++++++++++++++++++++
