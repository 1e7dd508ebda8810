"""Rows that are read at once are those that are read value by value, or are left to that."""

import json
from typing import Any

import numpy as np
import pytest

from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.tf_serving_rest import elements, rows_of_numbers


def _read(body: str, dtype: str = "float32") -> Any:
    signature = Signature({"x": TensorSpec(dtype, None)}, {"y": TensorSpec("float32")})
    return rows_of_numbers.read(body.encode(), signature)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "rows",
    [
        [1, 2.5],
        [[1], [-2e-7]],
        [[0.1, 2], [3, 4], [5, 6]],
        [[[1, 2], [3, 4]], [[5, 6], [7, 8.25]]],
        [[16_777_215]],
    ],
)
def test_rows_of_one_shape_are_read_as_value_by_value(rows: list[Any], dtype: str) -> None:
    found = _read(json.dumps({"instances": rows}), dtype)
    spec, shape = TensorSpec(dtype), elements.shape_of(rows)
    expected = elements.tensor(elements.flatten(rows, shape, dtype), shape, spec)
    assert found["x"].dtype == expected.dtype
    assert np.array_equal(found["x"], expected)


@pytest.mark.parametrize(
    "rows",
    [
        *("[]", "[[]]", "[[1], []]"),
        *("[[1, 2], [3]]", "[[1, 2], [3], [4, 5, 6]]"),
        *("[1, [2]]", "[[1], 2]", "[[[1]], [2]]", "[[1, [2]], [3, 4]]"),
        *("[true]", "[null]", '["1"]', '[["["]]', '[{"x": 1}]', '[{"b64": "AA=="}]'),
        *("[16777216]", "[1e400]", "[18446744073709551616]"),
        *("1", "{}", "[1,", "[NaN]"),
        "[" * 65 + "1" + "]" * 65,
    ],
)
def test_what_is_odd_is_left_to_others(rows: str) -> None:
    assert _read(f'{{"instances": {rows}}}') is None


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": [1], "instances": [2]}',
        '{"instances": [1], "signature_name": "other"}',
        '{"instances": [1], "inputs": [2]}',
        "[1]",
        "",
    ],
)
def test_a_body_that_holds_more_than_rows_is_left_to_others(body: str) -> None:
    assert _read(body) is None


def test_other_dtypes_are_left_to_others() -> None:
    assert _read('{"instances": [1]}', "int32") is None
