"""What a module in `serving/models` must provide; knows neither HTTP nor gRPC nor TensorFlow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Generic, Literal, TypeVar, get_args

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from serving.card import ModelCard

# What a tensor may hold on its way to a model; a string is any bytes.
DType = Literal[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "string",
]

# Whole tensors by name, batch dimension first; strings are object arrays of bytes.
Tensors = Mapping[str, NDArray[Any]]

_NUMPY_DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype({"string": object, "bfloat16": ml_dtypes.bfloat16}.get(name, name))
    for name in get_args(DType)
}


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor of a signature.

    In `shape`, None stands for a dimension of any size, such as the batch, which comes first; a
    shape that is None as a whole says not even how many there are. A version may name a `dtype`
    that is none of `DType`, such as complex64: it can be told, and cannot be sent.
    """

    dtype: DType | str
    shape: tuple[int | None, ...] | None = (None,)

    @property
    def can_be_sent(self) -> bool:
        """Whether the dtype is one that travels."""
        return self.dtype in _NUMPY_DTYPES

    @property
    def has_batch(self) -> bool:
        """Whether the first dimension is of any size."""
        return self.shape is not None and self.shape[:1] == (None,)

    @cached_property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one instance, for a tensor that has a batch; 0 is a dimension of any size.

        So has an array without any instance.
        """
        return tuple(size or 0 for size in (self.shape or ())[1:])

    @cached_property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype of the array that holds such a tensor; strings are objects of type bytes.

        Raises:
            KeyError: it is none of `DType`.
        """
        return _NUMPY_DTYPES[self.dtype]

    @cached_property
    def _fixed_row(self) -> tuple[int | None, ...] | None:
        """The sizes behind a batch, if none of them may be any."""
        row = (self.shape or ())[1:]
        return row if self.has_batch and None not in row else None

    def admits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether an array of this shape fits."""
        if self.shape is None:
            return True
        if len(shape) != len(self.shape):
            return False
        if self._fixed_row is not None:
            return shape[1:] == self._fixed_row
        # As a loop: each tensor of each request is looked at, and all() takes three times as long.
        for size, given in zip(self.shape, shape, strict=True):
            if size is not None and size != given:
                return False
        return True

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype}[...]"
        sizes = ["any" if size is None else str(size) for size in self.shape]
        if self.has_batch:
            sizes[0] = "batch"
        return f"{self.dtype}[{', '.join(sizes)}]"


@dataclass(frozen=True)
class Signature:
    """The tensors that a version takes and gives, by name; `optional` inputs have defaults.

    Outputs that are `optional_outputs` are what a version may lack: a feature less, no outage.
    """

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    optional: frozenset[str] = frozenset()
    optional_outputs: frozenset[str] = frozenset()

    @cached_property
    def unsendable(self) -> list[str]:
        """The tensors, with their dtypes, that cannot travel."""
        return [
            f"{name} ({spec.dtype})"
            for name, spec in (*self.inputs.items(), *self.outputs.items())
            if not spec.can_be_sent
        ]

    @cached_property
    def is_batched(self) -> bool:
        """Whether every tensor has a batch, so that calls may be joined along it."""
        return all(spec.has_batch for spec in (*self.inputs.values(), *self.outputs.values()))


RequestT = TypeVar("RequestT", bound=BaseModel)
ResponseT = TypeVar("ResponseT", bound=Mapping[str, Any])


@dataclass(frozen=True)
class Upload(Generic[RequestT]):
    """How a raw body becomes a request, for models that take files."""

    media_type: str
    read: Callable[[bytes], RequestT]


@dataclass(frozen=True)
class Explanation(Generic[RequestT]):
    """How a model's answers are explained, by the versions that have the signature `explain`.

    Such a signature takes what the model's own does, and gives its outputs and more: `outputs` are
    those that it gives besides. `postprocess` turns the requests, the inputs and all outputs into
    what stands beside each answer, of the type `response`.
    """

    outputs: Mapping[str, TensorSpec]
    response: Any
    postprocess: Callable[[Sequence[RequestT], Tensors, Tensors], list[Any]]


@dataclass(frozen=True)
class Model(Generic[RequestT, ResponseT]):
    """What a model's request is, and what its tensors mean.

    `preprocess` turns requests into the signature's inputs, and `postprocess` those and the outputs
    into plain answers, both in their order: whole columns, for one instance or for a hundred. Both
    are pure. `postprocess` also sees the card of the version that answered, if the model
    `reads_card`; None stands for a version that has none, or none that can be read. A model that
    `reads_columns` asks `serving.rows.columns` for the fields of its requests, and looks at none:
    requests of plain fields are then read without making an object of each.

    `preprocess_seconds` estimates how long `preprocess` will take, generously: what takes long is
    run in a thread; without it, nothing does. `max_call_rows` is the number of rows from which on
    one more row makes a call of the model server longer by as much as a call of its own would take.
    `upload` is set for models that also take a raw body. `coverage` is the share of true values
    that intervals are to hold, where an output has one: NAME_low and NAME_high beside NAME.

    `measure` gives the quantities by which drift is seen, from inputs and outputs: a column each,
    float64[batch], with NaN where a value is missing, or object[batch] of texts, for categories.
    Training measures with it what live requests are compared with.
    """

    request: type[RequestT]
    response: type[ResponseT]
    signature: Signature
    example: RequestT
    preprocess: Callable[[Sequence[RequestT]], Tensors]
    postprocess: Callable[[Tensors, Tensors, ModelCard | None], list[ResponseT]]
    max_call_rows: int
    preprocess_seconds: Callable[[Sequence[RequestT]], float] | None = None
    reads_card: bool = False
    reads_columns: bool = False
    upload: Upload[RequestT] | None = None
    coverage: float | None = None
    explanation: Explanation[RequestT] | None = None
    measure: Callable[[Tensors, Tensors], Tensors] | None = None


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
