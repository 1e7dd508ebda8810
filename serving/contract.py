"""What a module in `serving/models` must provide; knows neither HTTP nor gRPC nor TensorFlow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from serving.card import ModelCard

DType = Literal["string", "uint8", "float32"]

# One instance's share of each tensor, without the batch dimension.
Row = Mapping[str, float | bytes | NDArray[Any]]

# Whole tensors by name, batch dimension first; strings are object arrays of bytes.
Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor of a signature: `dtype[batch, *row_shape]`."""

    dtype: DType
    row_shape: tuple[int, ...] = ()

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype of the array that holds such a tensor; strings are objects of type bytes."""
        return np.dtype(object if self.dtype == "string" else self.dtype)

    def __str__(self) -> str:
        dimensions = ", ".join(["batch", *map(str, self.row_shape)])
        return f"{self.dtype}[{dimensions}]"


@dataclass(frozen=True)
class Signature:
    """The tensors that a version takes and gives, by name."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


RequestT = TypeVar("RequestT", bound=BaseModel)
ResponseT = TypeVar("ResponseT", bound=BaseModel)


@dataclass(frozen=True)
class Upload(Generic[RequestT]):
    """How a raw body becomes a request, for models that take files."""

    media_type: str
    read: Callable[[bytes], RequestT]


@dataclass(frozen=True)
class Model(Generic[RequestT, ResponseT]):
    """What a model's request is, and what its tensors mean.

    `preprocess` and `postprocess` are pure and see one instance at a time. `postprocess` also sees
    the request, and the card of the version that answered (None if it describes itself with none).
    `preprocess_seconds` estimates how long `preprocess` will take on a request, generously: what
    takes long is run in a thread. `max_call_rows` is the number of rows from which on one more row
    makes a call of the model server longer by as much as a call of its own would take.
    `upload` is set for models that also take a raw body.
    """

    request: type[RequestT]
    response: type[ResponseT]
    signature: Signature
    example: RequestT
    preprocess: Callable[[RequestT], Row]
    postprocess: Callable[[Row, RequestT, ModelCard | None], ResponseT]
    preprocess_seconds: Callable[[RequestT], float]
    max_call_rows: int
    upload: Upload[RequestT] | None = None


def stack(rows: list[Row], signature: Signature) -> Tensors:
    """Put rows together into the signature's input tensors, one row of each per instance."""
    return {
        name: np.array([row[name] for row in rows], dtype=spec.numpy_dtype)
        for name, spec in signature.inputs.items()
    }


def unstack(tensors: Tensors) -> list[Row]:
    """Take output tensors apart: the inverse of `stack`. Scalars become Python's own."""
    columns = [array.tolist() if array.ndim == 1 else array for array in tensors.values()]
    return [dict(zip(tensors, values, strict=True)) for values in zip(*columns, strict=True)]
