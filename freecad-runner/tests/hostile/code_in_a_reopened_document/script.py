# Its own document holds Python code, run when the runner opens it: in the same jail, or not at all.
class Proxy:
    def __init__(self, thing):
        thing.Proxy = self

    def onDocumentRestored(self, thing):
        attempt("fork when opened", os.fork)


import Part

doc = App.ActiveDocument
thing = doc.addObject("Part::FeaturePython", "Scripted")
Proxy(thing)
thing.Shape = Part.makeBox(1, 1, 1)
doc.removeObject("Box")
doc.saveAs(os.path.join(OUTPUT, "MyHeadlessModel.FCStd"))
App.closeDocument(doc.Name)
