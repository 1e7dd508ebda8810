"""Typed contents: a tensor's elements, in the one field of a message that is for its datatype."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proto.open_inference_pb2 import InferTensorContents
from serving.gateway.dialects.open_inference.binary import num_elements, shaped
from serving.gateway.dialects.open_inference.datatypes import (
    BYTES,
    ONLY_BINARY,
    datatype_of_array,
    numpy_dtype,
)
from serving.gateway.dialects.open_inference.refusals import told, wrong_input

FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
# What the narrow integers travel in.
_WIDE = {"int_contents": np.dtype(np.int32), "uint_contents": np.dtype(np.uint32)}


def decode(
    name: str, datatype: str, shape: Sequence[int], contents: InferTensorContents
) -> NDArray[Any]:
    """Turn the contents of an input into an array.

    Raises:
        InvalidInput: there is no such datatype or shape, or the elements are not in the datatype's
            field, do not fill the shape, or are beyond what the datatype holds.
    """
    dtype = numpy_dtype(name, datatype)
    if datatype in ONLY_BINARY:
        message = f"{datatype} has no typed contents; send it in raw_input_contents"
        raise wrong_input(name, message)
    field = FIELDS[datatype]
    for descriptor, _ in contents.ListFields():
        if descriptor.name != field:
            message = f"its contents are in {descriptor.name}; those of {datatype} are in {field}"
            raise wrong_input(name, message)
    values = getattr(contents, field)
    size = num_elements(name, shape)
    if len(values) != size:
        message = (
            f"{datatype} of shape {list(shape)} is {told(size)} elements, "
            f"and {len(values):,} came in {field}"
        )
        raise wrong_input(name, message)
    return shaped(name, _array(name, datatype, values, dtype), shape)


def encode(contents: InferTensorContents, array: NDArray[Any]) -> None:
    """Put an array's elements into a message.

    Raises:
        KeyError: the protocol has no typed contents for this dtype.
    """
    getattr(contents, FIELDS[datatype_of_array(array)]).extend(array.ravel().tolist())


def _array(name: str, datatype: str, values: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype == BYTES:
        strings = np.empty(len(values), BYTES)
        strings[:] = list(values)
        return strings
    wide = _WIDE.get(FIELDS[datatype], dtype)
    array = np.array(values, wide)
    if wide == dtype:
        return array
    bounds = np.iinfo(dtype)
    beyond = (array < bounds.min) | (array > bounds.max)
    if beyond.any():
        index = int(beyond.argmax())
        message = (
            f"its element {index} is {array[index]}; {datatype} is from {bounds.min} "
            f"to {bounds.max}"
        )
        raise wrong_input(name, message)
    return array.astype(dtype)
