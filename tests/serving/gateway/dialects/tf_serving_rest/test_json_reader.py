"""Bodies that are odd: what RapidJSON makes of them, and where it stops."""

import json
from math import inf, isnan
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import MalformedBody
from serving.gateway.dialects.tf_serving_rest.json_reader import read
from serving.gateway.dialects.tf_serving_rest.json_value import Object


@pytest.mark.parametrize(
    ("body", "reason", "offset"),
    [
        (b" ", "The document is empty.", 1),
        (b"\xef\xbb\xbf", "The document is empty.", 3),
        (b"\0{}", "The document is empty.", 0),
        (b"]", "The document is empty.", 0),
        (b",1", "The document is empty.", 0),
        (b"x", "Invalid value.", 0),
        (b"nul", "Invalid value.", 3),
        (b"trve", "Invalid value.", 2),
        (b"falsy", "Invalid value.", 4),
        (b"-", "Invalid value.", 1),
        (b"-x", "Invalid value.", 1),
        (b"+1", "Invalid value.", 0),
        (b".5", "Invalid value.", 0),
        (b"Nan", "Invalid value.", 2),
        (b"Infinite", "Invalid value.", 7),
        (b"[Infi]", "Invalid value.", 5),
        (b"[", "Invalid value.", 1),
        (b"[1", "Missing a comma or ] after an array element.", 2),
        (b"[1 2]", "Missing a comma or ] after an array element.", 3),
        (b"[01]", "Missing a comma or ] after an array element.", 2),
        (b"[1}", "Missing a comma or ] after an array element.", 2),
        (b"[1,]", "Invalid value.", 3),
        (b"[,]", "Invalid value.", 1),
        (b"{", "Missing a name for object member.", 1),
        (b"{1:2}", "Missing a name for object member.", 1),
        (b'{"a":1,}', "Missing a name for object member.", 7),
        (b'{"a"}', "Missing a colon after a name of object member.", 4),
        (b'{"a" 1}', "Missing a colon after a name of object member.", 5),
        (b'{"a":}', "Invalid value.", 5),
        (b'{"a":1', "Missing a comma or } after an object member.", 6),
        (b'{"a":1 "b"', "Missing a comma or } after an object member.", 7),
        (b'{"a":[1]]', "Missing a comma or } after an object member.", 8),
        (b'"a', "Missing a closing quotation mark in string.", 2),
        (b'"a\0"', "Missing a closing quotation mark in string.", 2),
        (b'"a\n"', "Invalid encoding in string.", 2),
        (b'"a\\x"', "Invalid escape character in string.", 2),
        (b'"a\\', "Invalid escape character in string.", 2),
        (b'"\\u12g4"', "Incorrect hex digit after \\u escape in string.", 1),
        (b'"\\ud800"', "The surrogate pair in string is invalid.", 1),
        (b'"\\ud800\\u0041"', "The surrogate pair in string is invalid.", 1),
        (b'"\\udc00"', "The surrogate pair in string is invalid.", 1),
        (b"[1.]", "Miss fraction part in number.", 3),
        (b"[1e]", "Miss exponent in number.", 3),
        (b"[1e+]", "Miss exponent in number.", 4),
        (b"[0, 1e309]", "Number too big to be stored in double.", 4),
        (b"[0e309]", "Number too big to be stored in double.", 1),
        (b"[1e" + b"9" * 10_000 + b"]", "Number too big to be stored in double.", 1),
        (b"[" + b"9" * 10_000 + b"]", "Number too big to be stored in double.", 1),
    ],
)
def test_errors_are_rapidjsons(body: bytes, reason: str, offset: int) -> None:
    with pytest.raises(MalformedBody) as raised:
        read(body)
    assert raised.value.detail == f"JSON Parse error: {reason} at offset: {offset}"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[Inf, -Inf, Infinity, -Infinity]", [inf, -inf, inf, -inf]),
        (b"\xef\xbb\xbf[1]", [1]),
        (b'{"a": 1} and more', {"a": 1}),
        (b"[1]\0", [1]),
        (b'"\xff\\ud83d\\ude00"', "\udcff\U0001f600"),
        (b"[-0, -0.0, 1E2, 1.5e-3]", [0, -0.0, 100.0, 0.0015]),
        (b"[18446744073709551615, 18446744073709551616]", [2**64 - 1, 2.0**64]),
        (b"[-9223372036854775808, -9223372036854775809]", [-(2**63), -(2.0**63)]),
        (b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"', '"\\/\b\f\n\r\té'),
    ],
)
def test_more_than_json_is_read(body: bytes, value: Any) -> None:
    assert repr(read(body)) == repr(value)


def test_nan_is_read() -> None:
    value = read(b"[NaN, -NaN]")
    assert isinstance(value, list)
    assert all(isinstance(each, float) and isnan(each) for each in value)


def test_the_first_of_two_members_counts() -> None:
    value = read(b'{"a": 1, "b": 2, "a": 3}')
    assert isinstance(value, Object)
    assert value == {"a": 1, "b": 2}
    assert value.members == [("a", 1), ("b", 2), ("a", 3)]


DEPTH = 20_000  # far beyond what Python or orjson would recurse


@pytest.mark.parametrize("mark", [b"[]", b'{"":}'])
def test_nesting_is_only_a_matter_of_memory(mark: bytes) -> None:
    opening, closing = mark[:-1], mark[-1:]
    value = read(opening * DEPTH + b"1" + closing * DEPTH)
    depth = 0
    while isinstance(value, list | dict):
        # Freed from the outside, level by level.
        [value] = value.values() if isinstance(value, dict) else value
        depth += 1
    assert depth == DEPTH


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=50)
@given(value=json_values, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_what_is_json_is_read_as_anybody_does(value: Any, indent: int, ascii_only: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert read(body) == orjson.loads(body)


@given(body=st.binary())
def test_any_bytes_are_a_value_or_an_error(body: bytes) -> None:
    try:
        read(body)
    except MalformedBody:
        return
    assert body
