"""The binary tensors of the Open Inference Protocol: JSON, then the bytes of each tensor.

Written apart from the gateway's own code, so that what both agree on is the protocol.
"""

import json
import struct
from typing import Any

import numpy as np

from bench.questions import Question

_LENGTH_HEADER = "Inference-Header-Content-Length"
_NUMBERS = {"FP32": "<f4", "INT64": "<i8"}


def encode(document: Any) -> Question:
    """Take the data of every input out of the JSON and put their bytes behind it."""
    raw = raw_data(document)
    inputs = [
        {name: value for name, value in tensor.items() if name != "data"}
        | {"parameters": {"binary_data_size": len(data)}}
        for tensor, data in zip(document["inputs"], raw, strict=True)
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    headers = (
        ("Content-Type", "application/octet-stream"),
        (_LENGTH_HEADER, str(len(head))),
    )
    return Question(head + b"".join(raw), headers)


def raw_data(document: Any) -> list[bytes]:
    """Give the bytes of each input."""
    return [
        b"".join(struct.pack("<I", len(each)) + each for each in map(str.encode, tensor["data"]))
        if tensor["datatype"] == "BYTES"
        else np.array(tensor["data"], _NUMBERS[tensor["datatype"]]).tobytes()
        for tensor in document["inputs"]
    ]


def decode(body: bytes, header_bytes: int) -> Any:
    """Put the data of every output back into the JSON."""
    document, rest = json.loads(body[:header_bytes]), body[header_bytes:]
    for tensor in document["outputs"]:
        size = tensor["parameters"]["binary_data_size"]
        tensor["data"], rest = data_of(tensor["datatype"], rest[:size]), rest[size:]
    return document


def data_of(datatype: str, raw: bytes) -> list[Any]:
    """Read the values of a tensor from its bytes."""
    if datatype != "BYTES":
        values: list[Any] = np.frombuffer(raw, _NUMBERS[datatype]).tolist()
        return values
    texts = []
    while raw:
        (length,) = struct.unpack_from("<I", raw)
        texts.append(raw[4 : 4 + length].decode())
        raw = raw[4 + length :]
    return texts
