"""How values are repeated in the text of an error."""

from typing import Any

import pytest

from serving.gateway.dialects.tf_serving_rest.json_reader import read
from serving.gateway.dialects.tf_serving_rest.json_value import quoted, string, type_name


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{}", "{}"),
        (b"[]", "[]"),
        (b"[[], {}]", "[[], {}]"),
    ],
)
def test_empty_lists_and_objects_are_short(body: bytes, text: str) -> None:
    assert quoted(read(body)) == text


def test_objects_are_indented_and_arrays_are_not() -> None:
    value = read(b'{"a":[1,[2.5,"b"]],"c":{"d":null,"e":true},"f":[{"g":-1}]}')
    assert quoted(value) == (
        '{\n    "a": [1, [2.5, "b"]],\n    "c": {\n        "d": null,\n        "e": true\n    },\n'
        '    "f": [{\n            "g": -1\n        }]\n}'
    )


@pytest.mark.parametrize(
    ("value", "alone", "within"),
    [
        (1.0, "1.0", "[1.0]"),
        (0.1, "0.1", "[0.1]"),
        # Alone, it is written as the float that is nearest; within a list, as the double it is.
        (123456789.5, "123456792.0", "[123456789.5]"),
        (1e39, "1e+39", "[1e39]"),
        (1e-5, "1e-05", "[0.00001]"),
        (1.5e-7, "1.5e-07", "[1.5e-7]"),
        (-1e20, "-1e+20", "[-100000000000000000000.0]"),
        (1.25e21, "1.25e+21", "[1.25e21]"),
        (float("nan"), "NaN", "["),
        (float("-inf"), "-Infinity", "["),
        (2**64 - 1, "18446744073709551615", "[18446744073709551615]"),
        ('a"\\\n\x1fé/', '"a\\"\\\\\\n\\u001Fé/"', '["a\\"\\\\\\n\\u001Fé/"]'),
        (False, "false", "[false]"),
    ],
)
def test_scalars(value: Any, alone: str, within: str) -> None:
    assert quoted(value) == alone
    assert quoted([value]) == within


def test_both_of_two_members_are_told() -> None:
    assert quoted(read(b'{"a":1,"a":2}')) == '{\n    "a": 1,\n    "a": 2\n}'


def test_what_is_long_is_cut() -> None:
    deep = read(b'{"":' * 2_000 + b"1" + b"}" * 2_000)
    assert len(quoted(deep)) < 70_000
    assert quoted(deep).endswith("...TRUNCATED")
    assert len(quoted("a" * 10**6)) < 70_000


def test_types_have_rapidjsons_names() -> None:
    values: list[Any] = [None, True, False, 1, 1.5, "a", [], {}]
    names = ["Null", "True", "False", "Number", "Number", "String", "Array", "Object"]
    assert [type_name(value) for value in values] == names


def test_bytes_that_are_no_text_survive() -> None:
    assert string("\udcff").encode("utf-8", "surrogateescape") == b'"\xff"'
