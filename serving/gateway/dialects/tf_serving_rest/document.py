"""Bodies as JSON documents, and what all of them have: an object, with the name of a signature."""

import json
import re
from typing import Any

import orjson

from serving.contract import Signature
from serving.errors import InvalidInput, MalformedBody
from serving.gateway.dialects.tf_serving_rest import json_reader
from serving.gateway.dialects.tf_serving_rest.json_value import Object, Value, quoted
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, PREDICT_SIGNATURE

# Up to here, an odd body is read by our own reader, at a microsecond for each byte.
_MAX_ODD_BYTES = 2**18
_HIGH, _LOW = rb"\\u[dD][89abAB]", rb"\\u[dD][c-fC-F]"
_LONE_SURROGATE = re.compile(rb"%b..(?!%b)|(?<!%b..)%b" % (_HIGH, _LOW, _HIGH, _LOW))
_KEYS = tuple(
    f'"{key}"'.encode() for key in ("instances", "inputs", "signature_name", "examples", "context")
)


class Odd(Exception):
    """A body must be read slowly; `parse` with `slowly` does so."""


Document = dict[str, Value]


def read(body: bytes, *, slowly: bool = False) -> Document:
    """Read a body's document.

    Raises:
        Odd: it is no JSON, or not the document that TF Serving would read.
        MalformedBody: it is neither JSON nor what TF Serving takes for it.
        InvalidInput: it is no object.
    """
    if not body:
        message = "JSON Parse error: The document is empty"
        raise MalformedBody(message, hint="")
    if slowly:
        document = json_reader.read(body) if len(body) <= _MAX_ODD_BYTES else _read_large(body)
    else:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Odd from error
        # Of two members of one name the last would count, and not the first.
        if any(body.count(key) > 1 for key in _KEYS):
            raise Odd
    if not isinstance(document, dict):
        raise wrong(document, "Is not object")
    return document


def signature_name(document: Document) -> str:
    """Return the name of the signature that is asked for; empty for the default.

    Raises:
        InvalidInput: it is no string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise InvalidInput(
            f"JSON Value: {quoted(document)} not formatted correctly. 'signature_name' key must be "
            "a string value.",
            hint="",
        )
    return name


def signature(name: str, live: LiveVersion) -> Signature:
    """Find a signature that has inputs.

    Raises:
        InvalidInput: there is none of that name.
        NotExplainable: it is the one that says why, which not every version has.
    """
    if name == EXPLAIN_SIGNATURE:
        live.signature(name)
    # As a list: in the message itself no name can be looked for that is no UTF-8.
    if (name or PREDICT_SIGNATURE) not in list(live.definitions.signature_def):
        raise InvalidInput(
            f'Serving signature name: "{name or PREDICT_SIGNATURE}" not found in signature def',
            hint="",
        )
    found = live.signatures.get(name or PREDICT_SIGNATURE)
    if found is None or not found.inputs:
        message = f"Failed to get input map for signature: {name or 'DEFAULT'}"
        raise InvalidInput(message, hint="")
    return found


def wrong(value: Value, reason: str) -> InvalidInput:
    """Return the error that quotes a whole value, and says what is wrong with it."""
    return InvalidInput(f"JSON Value: {quoted(value)} {reason}", hint="")


def _read_large(body: bytes) -> Any:
    """Read a large document that may hold NaN and infinities, and have more behind it."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    try:
        if _LONE_SURROGATE.search(body):
            message = "The surrogate pair in string is invalid."
            raise ValueError(message)
        document, _end = decoder.raw_decode(body.decode().lstrip(" \n\r\t"))
    except RecursionError as error:
        message = "JSON Parse error: lists and objects are nested too deeply"
        raise MalformedBody(message, hint="") from error
    except ValueError as error:
        raise MalformedBody(f"JSON Parse error: {error}", hint="") from error
    return document


def _object(pairs: list[tuple[str, Value]]) -> Object:
    found = Object()
    for name, value in pairs:
        found.add(name, value)
    return found
