"""How TF Serving writes floats: six significant digits if they tell the number, else nine or 17.

What is no number at all is written as null, where TF Serving's own answer is no JSON.
"""

import re
from collections.abc import Callable
from math import isfinite
from struct import Struct
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

# Between these, orjson writes a double as printf does a float; below _PLAIN, all but the zero
# that printf puts into an exponent of one digit. Others are written one by one.
_SMALLEST, _PLAIN, _LARGEST = 1e-14, 1e-4, 1e6
_LAST_WITH_EXPONENT = 1e-5  # orjson writes larger ones without, up to _PLAIN
_POWERS = 10.0 ** np.arange(-14, 7)
# That leave six digits before the point; those beyond the powers are written one by one.
_SCALES = 10.0 ** np.array([19, *range(19, -1, -1), 0])
# Fewer than these are written one by one: a row of three outputs in 36 us instead of 210, when
# measured.
_FEW = 16
_SHORT_EXPONENT = re.compile(rb"e-(?=\d\b)")


def decimal(value: float) -> str:
    """Write a finite double."""
    return _decimals([value])[0]


def single(value: float) -> str:
    """Write a finite float, given as any double that rounds to it."""
    return _singles([float(np.float32(value))])[0]


def dump(array: NDArray[Any]) -> bytes:
    """Write an array of numbers or booleans as JSON, without spaces."""
    if array.dtype == np.float64:
        return _with_texts(array, np.isfinite(array), _decimals)
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        return _dump_floats(array.astype(np.float32))
    return orjson.dumps(np.ascontiguousarray(array), option=orjson.OPT_SERIALIZE_NUMPY)


def _dump_floats(array: NDArray[np.float32]) -> bytes:
    """Write floats as the doubles whose shortest form has the digits that are wanted."""
    if len(array) < _FEW and all(map(isfinite, few := array.tolist())):
        return f"[{','.join(_singles(few))}]".encode()
    values = array.astype(np.float64)
    sizes = np.abs(values)
    scales = _SCALES[np.searchsorted(_POWERS, sizes, "right")]
    six = np.rint(values * scales) / scales
    scales = scales * 1000
    nine = np.rint(values * scales) / scales
    digits = np.where(six.astype(np.float32) == array, six, nine)
    shown = np.abs(digits)
    small = shown < _PLAIN
    odd = (small & ((sizes < _SMALLEST) | (shown >= _LAST_WITH_EXPONENT))) | (shown >= _LARGEST)
    odd &= np.isfinite(sizes) & (sizes != 0)
    if odd.any():
        text = _with_texts(np.where(odd, values, digits), odd, _singles)
    else:
        text = orjson.dumps(digits, option=orjson.OPT_SERIALIZE_NUMPY)
    return _SHORT_EXPONENT.sub(b"e-0", text) if small.any() else text


def _with_texts(
    array: NDArray[np.float64], odd: NDArray[np.bool_], write: Callable[[list[float]], list[str]]
) -> bytes:
    """Write the odd ones among the elements with a function of their own."""
    elements = array.astype(object)
    elements[odd] = [orjson.Fragment(text) for text in write(array[odd].tolist())]
    return orjson.dumps(elements.tolist())


def _decimals(values: list[float]) -> list[str]:
    texts = [f"{value:.6g}" for value in values]
    return [
        _pointed(text if float(text) == value else f"{value:.17g}")
        for text, value in zip(texts, values, strict=True)
    ]


def _singles(values: list[float]) -> list[str]:
    texts = [f"{value:.6g}" for value in values]
    # No float is so large that its six digits were none: the largest begins with 3.402823.
    floats = Struct(f"{len(texts)}f")
    rounded = floats.unpack(floats.pack(*map(float, texts)))
    return [
        _pointed(text if value == again else f"{value:.9g}")
        for text, value, again in zip(texts, values, rounded, strict=True)
    ]


def _pointed(text: str) -> str:
    """Mark a whole number as a float, so that readers take a column for one type."""
    return text if "." in text or "e" in text else f"{text}.0"
