"""What schemathesis cannot know of this API."""

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.parameters import ParameterLocation


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Keeps every finding but one that is none.

    A raw script is text. A number or an object arrives as its characters, and these are a
    script like any other; schemathesis knows that of text/plain, and not of text/x-python.
    """
    if not isinstance(failure, AcceptedNegativeData) or case.media_type != "text/x-python":
        return True
    is_text = isinstance(case.body, (str, bytes))
    wrong = [place for place in ParameterLocation if case.meta.is_negative_at(place)]
    return is_text or wrong != [ParameterLocation.BODY]
