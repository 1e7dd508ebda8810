"""What schemathesis must know besides the OpenAPI document: it loads this module by itself."""

from typing import Any

import schemathesis
from schemathesis.core.failures import Failure, ServerError
from schemathesis.openapi.checks import RejectedPositiveData

# Rules that a schema cannot express, by what the gateway says when one is broken.
_BEYOND_SCHEMAS = (
    "version and label exclude each other",
    "the text holds no visible character",
    "must not exceed total_rooms",
    "valid base64",
    "what came ",
    "no bytes came",
    "file is cut short or broken",
)


@schemathesis.check
def problems_are_whole(
    _context: schemathesis.CheckContext,
    response: schemathesis.Response,
    _case: schemathesis.Case[Any],
) -> None:
    """See that each error is a problem document, also where the document promises nothing."""
    if response.status_code < 400:
        return
    assert response.headers["content-type"] == ["application/problem+json"]
    problem = response.json()
    assert problem["status"] == response.status_code
    assert [problem["request_id"]] == response.headers["x-request-id"]
    assert problem["type"] == f"/errors/{problem['code']}"
    assert problem["detail"]
    assert problem["hint"]
    assert "Traceback" not in response.text


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Tell whether a failure is one, or follows from a rule that no schema can express."""
    if isinstance(failure, RejectedPositiveData):
        return not any(rule in response.json()["detail"] for rule in _BEYOND_SCHEMAS)
    if isinstance(failure, ServerError) and response.status_code == 504:
        # Who gives the gateway no time to answer has asked for this.
        return float(case.headers.get("Request-Timeout", "inf")) > 1
    return True
