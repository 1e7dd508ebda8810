"""A body of `infer` to tensors: JSON, or JSON with tensors as bytes after it, or bytes alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from numpy.typing import NDArray

from serving.contract import Signature, TensorSpec
from serving.errors import FieldError, InvalidInput
from serving.gateway.dialects.calls import Asked
from serving.gateway.dialects.open_inference import binary
from serving.gateway.dialects.open_inference.datatypes import datatype_of, numpy_dtype
from serving.gateway.dialects.open_inference.refusals import wrong_input
from serving.gateway.dialects.open_inference_http import json_tensors
from serving.gateway.dialects.open_inference_http.head import (
    Head,
    read_head,
    read_head_again,
)
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE

HEADER_LENGTH = "Inference-Header-Content-Length"
_DIGITS = re.compile(rb"[0-9]{1,18}")
_MAX_REPEATED = 4_096  # bytes of JSON before tensors, of which the last few hundred are kept

Headers = Mapping[bytes, bytes]


@dataclass(frozen=True)
class InferAsked(Asked):
    """What was understood, and how the answer is to be written.

    Of the outputs, those in `binary` go as bytes, all others as JSON. `timeout_seconds` is None
    if nothing is said of it.
    """

    id: str | None = None
    binary: frozenset[str] = frozenset()
    timeout_seconds: float | None = None


def parse(body: bytes, headers: Headers, live: LiveVersion) -> InferAsked:
    """Read a request for a version.

    Numbers that come as bytes are not copied: the arrays are views of the body.

    Raises:
        MalformedBody: the JSON is none.
        InvalidInput: a field or a tensor is wrong; the message names it.
    """
    length = _header_length(body, headers)
    if length == 0:
        return _raw(body, live.signature(PREDICT_SIGNATURE))
    if length is None:
        head = read_head(body)
    elif length > _MAX_REPEATED:
        head = read_head(memoryview(body)[:length])
    else:
        head = read_head_again(body[:length])
    signature = live.signature(head.signature)
    return InferAsked(
        inputs=_inputs(head, body, length),
        signature=head.signature,
        outputs=tuple(head.outputs),
        id=head.id,
        binary=_binary(head, signature),
        timeout_seconds=head.timeout_seconds,
    )


def _header_length(body: bytes, headers: Headers) -> int | None:
    """Return how many bytes of the body are JSON; None stands for all."""
    stated = headers.get(b"inference-header-content-length")
    if stated is None:
        return None
    if not _DIGITS.fullmatch(stated):
        raise _wrong_length("must be a number of bytes, in digits: that of the JSON")
    if int(stated) > len(body):
        raise _wrong_length(f"is {int(stated):,}, and the whole body has {len(body):,} bytes")
    return int(stated)


def _wrong_length(message: str) -> InvalidInput:
    fields = [FieldError(f"header.{HEADER_LENGTH}", message)]
    hint = "Set it to the length of the JSON alone; leave it out if the body is nothing but JSON."
    return InvalidInput(f"the header {HEADER_LENGTH} {message}", hint=hint, fields=fields)


def _inputs(head: Head, body: bytes, length: int | None) -> dict[str, NDArray[Any]]:
    arrays = {}
    position = len(body) if length is None else length
    for each in head.inputs:
        name = each.layout.name
        if each.array is not None:
            arrays[name] = each.array
            continue
        left = len(body) - position
        if each.num_bytes > left:
            message = f"its binary_data_size is {each.num_bytes:,}, and {left:,} bytes are left"
            hint = f"{HEADER_LENGTH} says where the JSON ends and the tensors begin."
            raise wrong_input(name, message, hint=hint)
        arrays[name] = binary.read(each.layout, body, position, each.num_bytes)
        position += each.num_bytes
    if position != len(body):
        message = (
            f"{len(body) - position:,} bytes are left after the last tensor, "
            "by the binary_data_size of each"
        )
        raise InvalidInput(message, hint="Send no more bytes than the tensors have.")
    return arrays


def _binary(head: Head, signature: Signature) -> frozenset[str]:
    """Return the outputs that go as bytes, if all others can go as JSON."""
    said = head.outputs or dict.fromkeys(signature.outputs)
    default = head.binary_output
    as_bytes = frozenset(
        name for name, is_binary in said.items() if (default if is_binary is None else is_binary)
    )
    for name in said.keys() - as_bytes:
        # What there is none of is refused below, as for every dialect.
        if name in signature.outputs:
            json_tensors.check_writable(name, datatype_of(signature.outputs[name]))
    return as_bytes


def _raw(body: bytes, signature: Signature) -> InferAsked:
    """Read a body that is the only input's tensor, and whose length is all that tells its shape.

    Such an answer is all bytes, too.
    """
    if len(signature.inputs) != 1:
        message = (
            f"a body without JSON is one tensor, and there are {len(signature.inputs)} inputs: "
            f"{', '.join(signature.inputs)}"
        )
        raise InvalidInput(message, hint=f"Send JSON first, and its length in {HEADER_LENGTH}.")
    [(name, spec)] = signature.inputs.items()
    datatype = datatype_of(spec)
    shape = _raw_shape(name, spec, len(body))
    content = body
    if datatype == "BYTES":
        content = binary.encode_strings([body])
    return InferAsked(
        inputs={name: binary.decode(name, datatype, shape, content)},
        binary=frozenset(signature.outputs),
    )


def _raw_shape(name: str, spec: TensorSpec, num_bytes: int) -> list[int]:
    """Return the shape that a tensor of so many bytes has: at most one size may be free.

    Of several, the first is a batch of one. A body of BYTES is one string, without its length.
    """
    free = [axis for axis, size in enumerate(spec.shape or ()) if size is None]
    shape = [1 if size is None else size for size in spec.shape or ()]
    if spec.shape is None or len(free) > 2 or (len(free) == 2 and free[0] != 0):
        message = f"the length of a body does not tell the shape of {spec}"
        hint = f"Send JSON with its shape first, and the JSON's length in {HEADER_LENGTH}."
        raise wrong_input(name, message, hint=hint)
    if spec.dtype != "string" and free:
        row = prod(shape) * numpy_dtype(name, datatype_of(spec)).itemsize
        shape[free[-1]] = num_bytes // row if row else 0
    return shape
