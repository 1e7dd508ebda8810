"""Types for the fields of requests: what a tensor's dtype can hold; lists to tensors, and back.

A field of such a type may have narrower bounds of its own: `age: Int64 = Field(ge=0, le=150)`.
"""

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pydantic import Base64Bytes, Field

from serving.errors import FieldError, InvalidInput

Int8 = Annotated[int, Field(ge=-(2**7), le=2**7 - 1)]
Int16 = Annotated[int, Field(ge=-(2**15), le=2**15 - 1)]
Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
UInt8 = Annotated[int, Field(ge=0, le=2**8 - 1)]
UInt16 = Annotated[int, Field(ge=0, le=2**16 - 1)]
UInt32 = Annotated[int, Field(ge=0, le=2**32 - 1)]
UInt64 = Annotated[int, Field(ge=0, le=2**64 - 1)]
# The largest finite numbers: beyond them a value would become infinite on its way.
Float16 = Annotated[float, Field(ge=-65_504, le=65_504)]
BFloat16 = Annotated[float, Field(ge=-3.38e38, le=3.38e38)]
Float32 = Annotated[float, Field(ge=-3.4e38, le=3.4e38)]
Float64 = float
# Any bytes, such as a file's: base64 in JSON.
Bytes = Base64Bytes


def stacked(
    name: str, values: Sequence[Any], dtype: DTypeLike, num_dimensions: int
) -> NDArray[Any]:
    """Make one tensor of the nested lists of all requests, whose sizes must be equal.

    `num_dimensions` is that of the tensor, batch included. Texts become bytes, in UTF-8.

    Raises:
        InvalidInput: the sizes differ, so that they fill no tensor.
    """
    try:
        array = np.array(_encoded(values) if dtype is object else values, dtype)
    except ValueError as error:
        raise _differing(name) from error
    # Objects, such as texts, would be stacked as far as they can be.
    if array.ndim != num_dimensions:
        raise _differing(name)
    return array


def texts_of(tensor: NDArray[Any]) -> Any:
    """Give the nested lists of a tensor of texts; what is no UTF-8 becomes question marks."""
    return _each(tensor.tolist(), lambda value: value.decode(errors="replace"))


def base64_of(tensor: NDArray[Any]) -> Any:
    """Give the nested lists of a tensor of any bytes, each as base64."""
    return _each(tensor.tolist(), lambda value: base64.b64encode(value).decode())


def _encoded(values: Any) -> Any:
    return _each(values, lambda value: value.encode() if isinstance(value, str) else value)


def _each(values: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(values, list):
        return [_each(value, function) for value in values]
    return function(values)


def _differing(name: str) -> InvalidInput:
    message = (
        "must hold lists of equal length, in all instances of a request; send what is longer or "
        "shorter in a request of its own"
    )
    return InvalidInput(f"{name} {message}", fields=[FieldError(name, message)])
