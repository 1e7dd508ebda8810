"""Tensors as JSON Schema: it takes what the signature admits, and refuses what no tensor is."""

from typing import Any

import jsonschema_rs
import pytest

from serving.contract import TensorSpec
from serving.gateway.dialects.tensor_schemas import element, element_or_base64, nested, shape


def takes(schema: dict[str, Any], value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        ("bool", [True, False], [0, "true", None]),
        ("int8", [-128, 127], [-129, 128, 0.5, True, "1"]),
        ("uint8", [0, 255], [-1, 256]),
        ("int64", [-(2**63), 2**63 - 1], [2**63]),
        ("uint64", [0, 2**64 - 1], [-1, 2**64]),
        ("float32", [0, -1.5, 3.4e38], [3.5e38, "NaN", None, True]),
        ("float64", [1e308], ["1", []]),
        ("float16", [0.5], ["0.5"]),
        ("bfloat16", [0.5], ["0.5"]),
        ("string", ["", "ü"], [1, None]),
        ("complex64", [], [0, "0", [0, 0], None]),
    ],
)
def test_a_value_is_what_its_dtype_holds(dtype: str, good: list[Any], bad: list[Any]) -> None:
    schema = element(TensorSpec(dtype))

    assert [value for value in good if not takes(schema, value)] == []
    assert [value for value in bad if takes(schema, value)] == []


def test_a_string_may_be_base64_where_it_is_told_so() -> None:
    schema = element_or_base64(TensorSpec("string"))

    assert takes(schema, "text")
    assert takes(schema, {"b64": "AA=="})
    assert not takes(schema, {"b64": 1})
    assert not takes(schema, {"b64": "AA==", "more": 1})
    assert not takes(element_or_base64(TensorSpec("int8")), {"b64": "AA=="})


def test_lists_lie_as_deep_as_a_shape_says() -> None:
    spec = TensorSpec("float32", (None, 2, None))
    schema = nested(spec, element(spec))

    assert takes(schema, [])
    assert takes(schema, [[[1, 2, 3], []], [[4], [5]]])
    for wrong in (1, [1], [[1, 2]], [[[1]]], [[[1], [2], [3]]], [[["a"], [2]]]):
        assert not takes(schema, wrong), wrong
    assert takes(nested(TensorSpec("int8", ()), {"type": "integer"}), 5)
    assert takes(nested(TensorSpec("int8", None), {"type": "integer"}), [[[5]]])
    assert takes(nested(spec, element(spec), dimensions=slice(1, None)), [[1], [2]])


def test_a_shape_that_is_sent_has_the_sizes_of_the_signature() -> None:
    schema = shape(TensorSpec("float32", (None, 2)))

    assert takes(schema, [7, 2])
    assert takes(schema, [0, 2])
    for wrong in ([2], [7, 2, 1], [-1, 2], ["7", 2], 7):
        assert not takes(schema, wrong), wrong
    assert takes(shape(TensorSpec("float32", (3, 2))), [3, 2])
    assert not takes(shape(TensorSpec("float32", (3, 2))), [2, 3])
    assert takes(shape(TensorSpec("float32", ())), [])
    assert not takes(shape(TensorSpec("float32", ())), [1])
    assert takes(shape(TensorSpec("float32", None)), [3, 4, 5])
