"""What the protocol calls the dtypes of tensors: FP32 for float32, BYTES for string."""

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from serving.contract import DType, TensorSpec
from serving.gateway.dialects.open_inference.refusals import wrong_input

_RENAMED = {
    "float16": "FP16",
    "bfloat16": "BF16",
    "float32": "FP32",
    "float64": "FP64",
    "string": "BYTES",
}

BYTES = np.dtype(object)
NUMPY_DTYPES: dict[str, np.dtype[Any]] = {
    _RENAMED.get(name, name.upper()): TensorSpec(name).numpy_dtype for name in get_args(DType)
}
_NAMES = {dtype: name for name, dtype in NUMPY_DTYPES.items()}
# Neither JSON nor the typed contents of gRPC have these.
ONLY_BINARY = ("FP16", "BF16")


def datatype_of(spec: TensorSpec) -> str:
    """Return the protocol's name of a signature's dtype.

    It has none for what cannot be sent, such as complex64: that keeps its own, in capitals.
    """
    return _RENAMED.get(spec.dtype, spec.dtype.upper())


def datatype_of_array(array: NDArray[Any]) -> str:
    """Return the protocol's name of an array's dtype."""
    return _NAMES[array.dtype.newbyteorder("=")]


def numpy_dtype(name: str, datatype: str) -> np.dtype[Any]:
    """Return the dtype of the array that holds the input of that name.

    Raises:
        InvalidInput: the protocol has no such datatype.
    """
    try:
        return NUMPY_DTYPES[datatype]
    except KeyError:
        message = f"there is no datatype {datatype[:40]!r}; there are {', '.join(NUMPY_DTYPES)}"
        raise wrong_input(name, message) from None
