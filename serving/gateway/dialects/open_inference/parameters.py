"""Parameters: which signature they ask for; which are not accepted, and why."""

from collections.abc import Iterable, Mapping
from typing import Any

from serving.gateway.dialects.open_inference.refusals import wrong_request
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, PREDICT_SIGNATURE

# What other servers do by parameters that begin like this.
_NOT_DONE = {
    "shared_memory": "no memory is shared; send the tensor itself, or ask for it",
    "classification": "labels are not looked up; ask for the tensor itself",
    "sequence": "nothing is kept from one request to the next",
}


def no_parameter(name: str, taken: Iterable[str]) -> str:
    """Say that a parameter is none of those that are taken."""
    shown = repr(name[:100])
    for begin, why in _NOT_DONE.items():
        if name.startswith(begin):
            return f"its parameter {shown} is not accepted: {why}"
    return f"there is no parameter {shown}; there are {', '.join(taken)}"


def signature_of(given: Mapping[str, Any]) -> str:
    """Return the signature that a request's parameters ask for: by its name, or by asking why.

    Raises:
        InvalidInput: by both.
    """
    name: str = given.get("signature_name", PREDICT_SIGNATURE)
    if not given.get("explain", False):
        return name
    if name not in {PREDICT_SIGNATURE, EXPLAIN_SIGNATURE}:
        message = f"its parameter explain asks for the signature explain, not for {name[:100]!r}"
        raise wrong_request(f"{message}; send one of them")
    return EXPLAIN_SIGNATURE
