"""Runs one script inside FreeCAD and leaves CAD files and one report.

Reading order: job (all steps in order), script, blocked_paths, documents, results, placed_shapes, boxes, geometry,
script_outputs, compare, export, mesh_file, report. The stand-in for FreeCAD's window: gui, recorder,
copy_object_patch, selection, gui_modules, widgets, widget_values, null_object. Colours in the files: colours,
boolean_faces, gui_document, step_colours.
Import everything before the script runs: the script may change `sys.path` and any module.
"""
