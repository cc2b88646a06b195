"""What runs inside FreeCAD: one script in, CAD files and one report out.

Reading order: job (the whole course), script, outside, documents, results, pieces, geometry, own_files, likeness,
export, hand_over, report. What stands in for the window: gui, recorder, copies, selection, modules, widgets, fields,
nothing. What comes of it: looks, mixed, gui_document, step_colours.
Everything is imported before the script runs: afterwards `sys.path` and the modules are as the script left them.
"""
