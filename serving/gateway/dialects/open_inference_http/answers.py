"""The answer of `infer`: JSON, with the tensors that are to go as bytes after it."""

import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from serving.contract import Tensors
from serving.gateway.dialects.open_inference import binary
from serving.gateway.dialects.open_inference.datatypes import datatype_of_array
from serving.gateway.dialects.open_inference_http import json_tensors
from serving.gateway.dialects.open_inference_http.requests import InferAsked

HeaderLines = list[tuple[bytes, bytes]]

# What zlib calls them, and the least work, for what is sent once.
_WINDOWS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
_LEVEL = 1


def write(
    asked: InferAsked, outputs: Tensors, *, model: str, version: int, request_id: str
) -> tuple[bytes, HeaderLines]:
    """Write an answer, and the headers that say how it is to be read.

    Raises:
        InvalidInput: an output cannot go as JSON, and was asked for so.
    """
    told: list[dict[str, Any]] = []
    contents: list[bytes | memoryview] = []
    for name in asked.outputs or outputs:
        array = outputs[name]
        tensor: dict[str, Any] = {
            "name": name,
            "datatype": datatype_of_array(array),
            "shape": array.shape,
        }
        if name in asked.binary:
            content = binary.encode(array)
            contents.append(content)
            tensor["parameters"] = {"binary_data_size": len(content)}
        else:
            tensor["data"] = json_tensors.writable(name, array)
        told.append(tensor)
    document = {
        "model_name": model,
        "model_version": str(version),
        # Some clients need one.
        "id": asked.id or request_id,
        "outputs": told,
    }
    json = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    if not contents:
        return json, [(b"content-type", b"application/json")]
    length = b"%d" % len(json)
    headers = [
        (b"content-type", b"application/octet-stream"),
        (b"inference-header-content-length", length),
    ]
    return b"".join([json, *contents]), headers


def coding_asked_for(headers: Mapping[bytes, bytes]) -> bytes | None:
    """Return the way in which a client asks for its answer to be compressed, if it does.

    Libraries name all that they could read in each request of theirs, and gain nothing where
    there is no slow network: who means it names one.
    """
    accepted = headers.get(b"accept-encoding")
    if accepted is None:
        return None
    named = [each.partition(b";") for each in accepted.lower().replace(b" ", b"").split(b",")]
    codings = [name for name, _, weight in named if name != b"identity" and weight != b"q=0"]
    return codings[0] if len(codings) == 1 and codings[0] in _WINDOWS else None


def compress(content: bytes, coding: bytes) -> bytes:
    """Compress an answer."""
    compressor = zlib.compressobj(_LEVEL, wbits=_WINDOWS[coding])
    return compressor.compress(content) + compressor.flush()
