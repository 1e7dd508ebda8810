"""What schemathesis must know besides the OpenAPI document: it loads this module by itself."""

import re
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure, ServerError
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse

# Rules that a schema cannot express, by what the gateway says when one is broken.
_BEYOND_SCHEMAS = (
    "version and label exclude each other",
    "the text holds no visible character",
    "must not exceed total_rooms",
    "valid base64",
    "what came ",
    "no bytes came",
    "file is cut short or broken",
    "items, and the request had",
    "are too many to be explained",
)
# Here the schemas say what to send. That lists are of one length, data fill a shape and tensors
# have as many rows, they cannot say; and TensorFlow Serving's API takes more, as the original does.
_DIALECTS = re.compile("/v[12](?:/|$)")
_STRICTNESS = (RejectedPositiveData, AcceptedNegativeData)
# It knows no 405, and answers OPTIONS as browsers ask.
_TF_SERVING = "/v1/"
_READINESS = re.compile("/v2/.*/ready")


@schemathesis.check
def problems_are_whole(
    _context: schemathesis.CheckContext,
    response: schemathesis.Response,
    case: schemathesis.Case[Any],
) -> None:
    """See that each error is a problem document, also where the document promises nothing."""
    if response.status_code < 400:
        return
    assert "Traceback" not in response.text
    if case.path.startswith(_TF_SERVING) and case.method == "OPTIONS":
        return
    # What is no HTTP is refused before anybody looks at the path.
    if _DIALECTS.match(case.path) and response.headers["content-type"] == ["application/json"]:
        assert response.json()["error"]
        return
    assert response.headers["content-type"] == ["application/problem+json"]
    problem = response.json()
    assert problem["status"] == response.status_code
    assert [problem["request_id"]] == response.headers["x-request-id"]
    assert problem["type"] == f"/errors/{problem['code']}"
    assert problem["detail"]
    assert problem["hint"]


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Tell whether a failure is one, or follows from a rule that no schema can express."""
    if _DIALECTS.match(case.path) and isinstance(failure, _STRICTNESS):
        return False
    if case.path.startswith(_TF_SERVING) and isinstance(failure, UnsupportedMethodResponse):
        return False
    if isinstance(failure, RejectedPositiveData):
        return not any(rule in response.json()["detail"] for rule in _BEYOND_SCHEMAS)
    if isinstance(failure, ServerError) and _READINESS.fullmatch(case.path):
        return response.status_code != 503
    if isinstance(failure, ServerError) and response.status_code == 504:
        # Who gives the gateway no time to answer has asked for this.
        return float(case.headers.get("Request-Timeout", "inf")) > 1
    return True
