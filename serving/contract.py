"""What a module in `serving/models` must provide; knows neither HTTP nor gRPC nor TensorFlow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from serving.card import ModelCard

DType = Literal["string", "uint8", "float16", "float32"]

# Whole tensors by name, batch dimension first; strings are object arrays of bytes.
Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor of a signature: `dtype[batch, *row_shape]`."""

    dtype: DType
    row_shape: tuple[int, ...] = ()

    @cached_property
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
ResponseT = TypeVar("ResponseT", bound=Mapping[str, Any])


@dataclass(frozen=True)
class Upload(Generic[RequestT]):
    """How a raw body becomes a request, for models that take files."""

    media_type: str
    read: Callable[[bytes], RequestT]


@dataclass(frozen=True)
class Model(Generic[RequestT, ResponseT]):
    """What a model's request is, and what its tensors mean.

    `preprocess` turns requests into the signature's inputs, and `postprocess` those and the outputs
    into plain answers, both in their order: whole columns, for one instance or for a hundred. Both
    are pure. `postprocess` also sees the card of the version that answered, if the model
    `reads_card`; None stands for a version that has none, or none that can be read.
    `preprocess_seconds` estimates how long `preprocess` will take, generously: what takes long is
    run in a thread. `max_call_rows` is the number of rows from which on one more row makes a call
    of the model server longer by as much as a call of its own would take.
    `upload` is set for models that also take a raw body.
    """

    request: type[RequestT]
    response: type[ResponseT]
    signature: Signature
    example: RequestT
    preprocess: Callable[[Sequence[RequestT]], Tensors]
    postprocess: Callable[[Tensors, Tensors, ModelCard | None], list[ResponseT]]
    preprocess_seconds: Callable[[Sequence[RequestT]], float]
    max_call_rows: int
    reads_card: bool = False
    upload: Upload[RequestT] | None = None


def concatenate(parts: Sequence[Tensors]) -> Tensors:
    """Join tensors of the same names along the batch dimension."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def split(tensors: Tensors, sizes: Sequence[int]) -> list[Tensors]:
    """Cut tensors apart again: the inverse of `concatenate` for parts of these numbers of rows."""
    ends = list(accumulate(sizes))
    return [
        {name: array[end - size : end] for name, array in tensors.items()}
        for size, end in zip(sizes, ends, strict=True)
    ]
