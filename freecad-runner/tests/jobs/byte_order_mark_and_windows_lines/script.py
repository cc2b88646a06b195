# A file as Windows editors leave it.
import FreeCAD as App

doc = App.newDocument()
doc.addObject('Part::Box', 'Box')
doc.recompute()
