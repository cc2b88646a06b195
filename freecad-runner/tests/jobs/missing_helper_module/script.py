# Imports a file that was not uploaded: a job is one script.
import FreeCAD as App

import my_helpers
