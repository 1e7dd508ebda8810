"""Floats as TF Serving prints them, in any array."""

from typing import Any

import ml_dtypes
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from serving.gateway.dialects.tf_serving_rest.decimals import dump


def printed(value: np.floating[Any], digits: int) -> str:
    """Print as TF Serving does: %.6g, and with more digits if that is another number."""
    text = f"{value:.6g}"
    if type(value)(text) != value:
        text = f"{value:.{digits}g}"
    return text if "." in text or "e" in text else f"{text}.0"


@given(arrays.arrays(np.float32, st.integers(1, 8), elements=st.floats(width=32)))
def test_floats_have_six_digits_or_nine(array: NDArray[np.float32]) -> None:
    texts = [printed(value, 9) if np.isfinite(value) else "null" for value in array]
    assert dump(array).decode() == f"[{','.join(texts)}]"


@given(arrays.arrays(np.float64, st.integers(1, 8), elements=st.floats()))
def test_doubles_have_six_digits_or_seventeen(array: NDArray[np.float64]) -> None:
    texts = [printed(value, 17) if np.isfinite(value) else "null" for value in array]
    assert dump(array).decode() == f"[{','.join(texts)}]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (3.1415927, "3.14159274"),
        (123456792.0, "123456792.0"),
        (999999.5, "999999.5"),
        (1e6, "1e+06"),
        (1234567.0, "1234567.0"),
        (1e-4, "0.0001"),
        (9.9999e-5, "9.9999e-05"),
        (2.5e-5, "2.5e-05"),
        (1.2345678e-7, "1.23456786e-07"),
        (1e30, "1e+30"),
        (3.4028235e38, "3.40282347e+38"),
        (np.inf, "null"),
        (-np.inf, "null"),
        (np.nan, "null"),
    ],
)
def test_floats_by_their_size(value: float, text: str) -> None:
    for array in (np.array([value], np.float32), np.array([value, 1e30, 0.5], np.float32)):
        assert dump(array).decode()[1:-1].split(",")[0] == text


def test_a_client_reads_the_same_floats() -> None:
    array = np.random.default_rng(1).normal(size=(100, 9)).astype(np.float32)
    read = np.array(orjson.loads(dump(array)), np.float32)
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([1.5, -2], np.float16), b"[1.5,-2.0]"),
        (np.array([1.5, np.nan], ml_dtypes.bfloat16), b"[1.5,null]"),
        (np.array([True, False]), b"[true,false]"),
        (np.array([-(2**63)], np.int64), b"[-9223372036854775808]"),
        (np.array([2**64 - 1], np.uint64), b"[18446744073709551615]"),
        (np.array([[1, 2], [3, 4]], np.uint16)[:, ::-1], b"[[2,1],[4,3]]"),
    ],
)
def test_other_types(array: NDArray[np.generic], text: bytes) -> None:
    assert dump(array) == text
