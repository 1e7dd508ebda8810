"""The Open Inference Protocol's datatypes, and tensors as bytes."""

import struct
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from tests.foreign.saved_models import INTEGERS

DATATYPES: dict[np.dtype[Any], str] = {
    np.dtype(bool): "BOOL",
    np.dtype(object): "BYTES",
    np.dtype(ml_dtypes.bfloat16): "BF16",
    **{np.dtype(f"float{bits}"): f"FP{bits}" for bits in (16, 32, 64)},
    **{np.dtype(kind): np.dtype(kind).name.upper() for kind in INTEGERS},
}
DTYPES = {datatype: dtype for dtype, datatype in DATATYPES.items()}


def described(name: str, array: NDArray[Any], **more: Any) -> dict[str, Any]:
    """Describe a tensor as all requests of the protocol do."""
    return {"name": name, "shape": list(array.shape), "datatype": DATATYPES[array.dtype], **more}


def to_bytes(array: NDArray[Any]) -> bytes:
    """Write little-endian numbers, or strings each behind its length."""
    if array.dtype != object:
        return array.tobytes()
    return b"".join(struct.pack("<I", len(string)) + string for string in array.ravel())


def from_bytes(content: bytes, datatype: str, shape: Sequence[int]) -> NDArray[Any]:
    """Read what `to_bytes` writes."""
    if datatype != "BYTES":
        return np.frombuffer(content, DTYPES[datatype]).reshape(shape)
    strings = []
    while content:
        (length,) = struct.unpack_from("<I", content)
        string, content = cut(content[4:], length)
        strings.append(string)
    return np.array(strings, object).reshape(shape)


def cut(content: bytes, size: int) -> tuple[bytes, bytes]:
    """Take the first bytes; there must be so many."""
    assert len(content) >= size
    return content[:size], content[size:]
