"""Recomputes the script's documents and chooses the one that holds the model."""

import FreeCAD

from . import results
from .failure import JobError, describe, is_out_of_memory


def recompute():
    """Recomputes documents that the script left touched. A feature that fails says so in its own state."""
    for document in open_documents():
        if any("Touched" in obj.State and "Invalid" not in obj.State for obj in document.Objects):
            try:
                document.recompute()
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                message = f"The document '{document.Label}' cannot be recomputed: {describe(error)}"
                raise JobError("invalid_shape", message, object=document.Label) from None


def choose(warnings):
    """The results of the active document, or else of the document with the most; None if no document has any."""
    found = [picked for picked in map(results.pick, open_documents()) if picked.objects]
    if not found:
        return None
    active = FreeCAD.ActiveDocument
    chosen = max(found, key=lambda picked: (picked.document is active, len(picked.objects)))
    others = [picked.document.Label for picked in found if picked is not chosen]
    if others:
        warnings.append(
            f"The script left several documents with geometry. The model is '{chosen.document.Label}'; "
            f"not used: {', '.join(others)}."
        )
    return chosen


def reopen(path):
    """The results of a document that the script saved and closed; None if it has none."""
    picked = results.pick(FreeCAD.openDocument(path, True))
    return picked if picked.objects else None


def open_documents():
    # Temporary documents are FreeCAD's own.
    return [document for document in FreeCAD.listDocuments().values() if not document.Temporary]
