"""Brings the script's documents up to date and chooses the one that holds the model."""

import FreeCAD

from . import results
from .failure import Failed, describe, is_out_of_memory


def settle():
    """Recomputes what scripts forget to; a feature that fails says so in its own state."""
    for document in open_documents():
        if any("Touched" in thing.State and "Invalid" not in thing.State for thing in document.Objects):
            try:
                document.recompute()
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                raise Failed(
                    "invalid_shape",
                    f"The document '{document.Label}' cannot be recomputed: {describe(error)}",
                    object=document.Label,
                ) from None


def choose(warnings):
    """The results of the active document, or of the fullest one; None when no document has any."""
    found = [(document, results.pick(document)) for document in open_documents()]
    found = [(document, picked) for document, picked in found if picked.objects]
    if not found:
        return None
    active = FreeCAD.ActiveDocument
    document, chosen = max(found, key=lambda pair: (pair[0] is active, len(pair[1].objects)))
    others = [other.Label for other, _ in found if other is not document]
    if others:
        warnings.append(
            f"The script left several documents with geometry. The model is '{document.Label}'; "
            f"not used: {', '.join(others)}."
        )
    return chosen


def reopen(path):
    """Results of a document that the script saved and closed; None when it has none."""
    picked = results.pick(FreeCAD.openDocument(path, True))
    return picked if picked.objects else None


def open_documents():
    # Hidden ones are FreeCAD's own scratch documents.
    return [document for document in FreeCAD.listDocuments().values() if not document.Temporary]
