# FreeCAD's own exception, in words.
import Part

Part.makeLine((0, 0, 0), (0, 0, 0))
