"""Bodies of `infer`, as clients make them."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proto.metadata_pb2 import SignatureDefMap
from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.open_inference.binary import encode
from serving.gateway.dialects.open_inference.datatypes import datatype_of_array
from serving.gateway.dialects.open_inference_http.requests import InferAsked, parse
from serving.gateway.inference.live import LiveVersion

SIGNATURE = Signature(
    inputs={
        "ages": TensorSpec("float32", (None, 2)),
        "words": TensorSpec("string"),
    },
    outputs={"scores": TensorSpec("float32", (None, 2)), "label": TensorSpec("string")},
)
HALVES = Signature({"x": TensorSpec("float16")}, {"y": TensorSpec("bfloat16")})


def live(signature: Signature, **others: Signature) -> LiveVersion:
    """Make a version whose default signature this is."""
    return LiveVersion("mine", 1, {"serving_default": signature, **others}, SignatureDefMap())


LIVE = live(SIGNATURE, halves=HALVES)


def tensor(name: str, datatype: str, shape: list[int], **rest: Any) -> dict[str, Any]:
    """Describe an input."""
    return {"name": name, "datatype": datatype, "shape": shape, **rest}


def with_json(*inputs: dict[str, Any], **rest: Any) -> bytes:
    """Make a body of JSON alone."""
    return json.dumps({"inputs": inputs, **rest}).encode()


def with_bytes(arrays: dict[str, NDArray[Any]], **rest: Any) -> tuple[bytes, dict[bytes, bytes]]:
    """Make a body of JSON and tensors as bytes, and its headers."""
    contents = {name: bytes(encode(array)) for name, array in arrays.items()}
    inputs = [
        tensor(
            name,
            datatype_of_array(array),
            list(array.shape),
            parameters={"binary_data_size": len(contents[name])},
        )
        for name, array in arrays.items()
    ]
    head = with_json(*inputs, **rest)
    return head + b"".join(contents.values()), header_length(len(head))


def header_length(length: int | str) -> dict[bytes, bytes]:
    """Make the header that says where the JSON ends."""
    return {b"inference-header-content-length": str(length).encode()}


def read_one(
    datatype: str, shape: list[int], data: Any, spec: TensorSpec | None = None, **rest: Any
) -> NDArray[Any]:
    """Read the one input of a body of JSON."""
    version = live(Signature({"x": spec or TensorSpec("float32")}, {}))
    body = with_json(tensor("x", datatype, shape, data=data, **rest))
    return parse(body, {}, version).inputs["x"]


def read(body: bytes, headers: dict[bytes, bytes] | None = None) -> InferAsked:
    """Read a body for the version above."""
    return parse(body, headers or {}, LIVE)


AGES = np.array([[1.5, 2.0]], np.float32)
WORDS = np.array([b"a"], object)
