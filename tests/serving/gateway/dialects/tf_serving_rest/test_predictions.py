"""Bodies of predict requests: at once and slowly, right and wrong, and the answers to them."""

# ruff: noqa: E501  # TF Serving's texts stand in one piece, to be found
import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.contract import Signature, Tensors, TensorSpec
from serving.errors import InvalidInput, MalformedBody, TfgateError, Unimplemented
from serving.gateway.dialects.tf_serving_rest.document import Odd
from serving.gateway.dialects.tf_serving_rest.predictions import PredictAsked, parse, write
from serving.gateway.inference.live import LiveVersion
from tests.serving.gateway.dialects.tf_serving_rest.versions import live, taking

ROW = taking(x=TensorSpec("float32", (None, 2)))
TWO = taking(a=TensorSpec("float32"), b=TensorSpec("string"))


def read(body: bytes, version: LiveVersion) -> PredictAsked:
    """Read a body as the endpoint does."""
    try:
        return parse(body, version)
    except Odd:
        return parse(body, version, slowly=True)


def inputs(body: bytes, version: LiveVersion) -> dict[str, Any]:
    return {name: array.tolist() for name, array in read(body, version).inputs.items()}


def refusal(body: bytes, version: LiveVersion) -> str:
    with pytest.raises(TfgateError) as raised:
        read(body, version)
    assert isinstance(raised.value, InvalidInput | MalformedBody | Unimplemented)
    return raised.value.detail


@pytest.mark.parametrize(
    ("body", "version", "expected"),
    [
        (b'{"instances":[[1,2],[3.5,4]]}', ROW, {"x": [[1, 2], [3.5, 4]]}),
        (b'{"instances":[{"x":[1,2]}]}', ROW, {"x": [[1, 2]]}),
        (b'{"inputs":[[1,2]]}', ROW, {"x": [[1, 2]]}),
        (b'{"inputs":{"x":[[1,2]],"y":0}}', ROW, {"x": [[1, 2]]}),
        (b'{"inputs":[]}', ROW, {"x": []}),
        (b'{"inputs":{"a":[1],"b":["t"]}}', TWO, {"a": [1], "b": [b"t"]}),
        (b'{"instances":[{"b":"t","a":1}]}', TWO, {"a": [1], "b": [b"t"]}),
        (b'{"instances":[{"b":{"b64":"dA=="},"a":1}]}', TWO, {"a": [1], "b": [b"t"]}),
        (b'{"inputs":{"a":[1],"b":[{"b64":" d A\\n=="}]}}', TWO, {"a": [1], "b": [b"t"]}),
        (b'{"instances":[{"b":"\xc3\xa9\xff","a":1}]}', TWO, {"a": [1], "b": [b"\xc3\xa9\xff"]}),
        # Of two members of one name, the first counts, wherever they are.
        (b'{"instances":[[1,2]],"instances":[[3,4]]}', ROW, {"x": [[1, 2]]}),
        (b'{"inputs":{"x":[[1,2]],"x":[[3,4]]}}', ROW, {"x": [[1, 2]]}),
        (b'{"instances":[{"x":[1,2],"x":[3,4]},{"x":[5,6]}]}', ROW, {"x": [[1, 2], [5, 6]]}),
        # More than JSON.
        (b'\xef\xbb\xbf{"instances":[[1,Infinity]]} more', ROW, {"x": [[1, float("inf")]]}),
    ],
)
def test_inputs(body: bytes, version: LiveVersion, expected: dict[str, Any]) -> None:
    assert inputs(body, version) == expected


@pytest.mark.parametrize(
    ("dtype", "given", "expected"),
    [
        ("float32", b"16777215", 16777215.0),
        ("float32", b"16777216.0", 16777216.0),
        ("float64", b"9007199254740991", 9007199254740991.0),
        ("int8", b"300", 44),
        ("uint8", b"-1", 255),
        ("int16", b"-2147483648", 0),
        ("int32", b"2147483647", 2147483647),
        ("uint32", b"4294967295", 4294967295),
        ("int64", b"-9223372036854775808", -(2**63)),
        ("uint64", b"18446744073709551615", 2**64 - 1),
        ("bool", b"true", True),
        ("string", b'""', b""),
        ("string", b'"\\u00e9"', "é".encode()),
        ("string", b'{"b64":""}', b""),
        ("string", b'{"b64":"aGk"}', b"hi"),
        ("string", b'{"b64":"aGk."}', b"hi"),
        ("string", b'{"b64":"+/+/"}', b"\xfb\xff\xbf"),
    ],
)
def test_values(dtype: str, given: bytes, expected: object) -> None:
    version = taking(x=TensorSpec(dtype))
    for body in (b'{"instances":[%b]}', b'{"inputs":[%b]}', b'{"inputs":{"x":[%b]}}'):
        [array] = read(body % given, version).inputs.values()
        assert array.dtype == version.signatures["serving_default"].inputs["x"].numpy_dtype
        assert array.tolist() == [expected]


TYPE = "JSON Value: {} Type: {} is not of expected type: {}"


@pytest.mark.parametrize(
    ("dtype", "given", "text"),
    [
        ("float32", "true", TYPE.format("true", "True", "float")),
        ("float32", "null", TYPE.format("null", "Null", "float")),
        ("float32", '"1.0"', TYPE.format('"1.0"', "String", "float")),
        ("float32", "16777216", "Cannot convert JSON value: 16777216 to float without loss of precision."),
        ("float32", "-1e39", "Cannot convert JSON value: -1e+39 to float without loss of precision."),
        ("float64", "false", TYPE.format("false", "False", "double")),
        ("float64", "9007199254740992", "Cannot convert JSON value: 9007199254740992 to double without loss of precision."),
        ("int8", "1.0", TYPE.format("1.0", "Number", "int8")),
        ("int16", "2147483648", TYPE.format("2147483648", "Number", "int16")),
        ("int32", "true", TYPE.format("true", "True", "int32")),
        ("int64", "9223372036854775808", TYPE.format("9223372036854775808", "Number", "int64")),
        ("int64", "1e3", TYPE.format("1000.0", "Number", "int64")),
        ("uint32", "-1", TYPE.format("-1", "Number", "uint32")),
        ("uint64", "-1", TYPE.format("-1", "Number", "uint64")),
        ("uint64", "NaN", TYPE.format("NaN", "Number", "uint64")),
        ("bool", "0", TYPE.format("0", "Number", "bool")),
        ("string", "1", TYPE.format("1", "Number", "string")),
        ("string", '{"b64":"A"}', "Unable to base64 decode"),
        ("string", '{"b64":"__79"}', "Unable to base64 decode"),
        ("string", '{"b64":"aGk=="}', "Unable to base64 decode"),
        ("string", '{"b64":"aGk=x"}', "Unable to base64 decode"),
    ],
)  # fmt: skip
def test_wrong_values(dtype: str, given: str, text: str) -> None:
    version = taking(x=TensorSpec(dtype))
    assert refusal(f'{{"inputs":[{given}]}}'.encode(), version) == text
    before = "Failed to process element: 0 {}of 'instances' list. Error: INVALID_ARGUMENT: "
    body = f'{{"instances":[{given}]}}'.encode()
    assert refusal(body, version) == before.format("") + text
    body = f'{{"instances":[{{"x":{given}}}]}}'.encode()
    assert refusal(body, version) == before.format("key: x ") + text


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        ("float16", "half"),
        ("bfloat16", "bfloat16"),
        ("uint16", "uint16"),
        ("complex64", "complex64"),
        ("resource", "resource"),
    ],
)
def test_types_that_are_read_from_no_json(dtype: str, name: str) -> None:
    version = taking(x=TensorSpec(dtype))
    with pytest.raises(Unimplemented, match=f"^Conversion of JSON Value: 1 to type: {name}$"):
        read(b'{"inputs":[1]}', version)
    assert refusal(b'{"instances":[1]}', version) == (
        "Failed to process element: 0 of 'instances' list. Error: UNIMPLEMENTED: "
        f"Conversion of JSON Value: 1 to type: {name}"
    )


@pytest.mark.parametrize("body", [b'{"inputs":[]}', b'{"instances":[[]]}'])
@pytest.mark.parametrize("dtype", ["complex64", "dtype 99", "float16", "uint16", "string"])
def test_no_values_are_of_any_type(dtype: str, body: bytes) -> None:
    [array] = read(body, taking(x=TensorSpec(dtype))).inputs.values()
    assert array.size == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("[[1,2],[3]]", "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ("[[1],[[2]]]", "Encountered list at unexpected level: 2 expected < 2"),
        ("[[1],2]", "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ("[1,[2]]", "Encountered list at unexpected level: 1 expected < 1"),
        ('[{"x":1}]', 'JSON Value: {\n    "x": 1\n} Type: Object is not of expected type: float'),
        ("{}", "Missing named input: x in 'inputs' object."),
        ('{"b64":"aGk="}', 'JSON Value: {\n    "b64": "aGk="\n} Type: Object is not of expected type: float'),
    ],
)  # fmt: skip
def test_columns_that_are_none(value: str, text: str) -> None:
    assert refusal(f'{{"inputs":{value}}}'.encode(), ROW) == text


def test_bytes_that_are_no_base64_object() -> None:
    assert refusal(b'{"inputs":[{"b64":5}]}', taking(s=TensorSpec("string"))) == (
        'JSON Value: {\n    "b64": 5\n} not formatted correctly for base64 data'
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"  ", "JSON Parse error: The document is empty. at offset: 2"),
        (b"[1] x", "JSON Value: [1] Is not object"),
        (b'{"signature_name":null}', 'JSON Value: {\n    "signature_name": null\n} not formatted correctly. \'signature_name\' key must be a string value.'),
        (b'{"signature_name":"z","inputs":[1]}', 'Serving signature name: "z" not found in signature def'),
        (b'{"signature_name":"empty","inputs":[1]}', "Failed to get input map for signature: empty"),
        (b'{"instance":[1]}', "Missing 'inputs' or 'instances' key"),
        (b'{"instances":[]}', "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
        (b'{"instances":{}}', "JSON Value: {\n    \"instances\": {}\n} Expecting 'instances' to be an list/array"),
        (b'{"instances":[1],"inputs":null}', "JSON Value: {\n    \"instances\": [1],\n    \"inputs\": null\n} Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "),
    ],
)  # fmt: skip
def test_documents_that_ask_nothing(body: bytes, text: str) -> None:
    column = {"x": TensorSpec("float32")}
    version = live(serving_default=Signature(column, column), empty=Signature({}, column))
    assert refusal(body, version) == text


@pytest.mark.parametrize(
    ("instances", "text"),
    [
        ("[1]", "instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map"),
        ('[{"a":1,"b":"t"},1]', "Expecting object but got list at item 1 of input list"),
        ('[{"a":1,"b":"t"},{"b64":"dA=="}]', "Expecting object but got list at item 1 of input list"),
        ('[{"a":1}]', "Failed to process element: 0 of 'instances' list. JSON object: {\n    \"a\": 1\n} keys must be equal to: a,b"),
        ('[{"a":1,"b":"t"},{"a":[1],"b":"t"}]', "Failed to process element: 1 key: a of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [] but got: [1]"),
        ('[{"a":[[1,2]],"b":"t"},{"a":[[1],[2]],"b":"t"}]', "Failed to process element: 1 key: a of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [1,2] but got: [2,1]"),
        ('[{"a":[1,2],"b":"t"},{"a":[1],"b":"t"}]', "Failed to process element: 1 key: a of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 1"),
        ('[{"a":1,"b":"t","c":2}]', "Failed to process element: 0 key: c of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: c"),
    ],
)  # fmt: skip
def test_rows_that_are_none(instances: str, text: str) -> None:
    assert refusal(f'{{"instances":{instances}}}'.encode(), TWO) == text


@pytest.mark.parametrize("levels", [100, 3_000, 10**6])
@pytest.mark.parametrize("key", ["instances", "inputs", "signature_name", "other"])
def test_lists_within_lists_without_end(levels: int, key: str) -> None:
    lists = b"[" * levels + b"1" + b"]" * levels
    refusal(b'{"%b":%b}' % (key.encode(), lists), ROW)


def test_a_large_body_may_hold_what_is_no_json() -> None:
    number = 50_000
    rows = ",".join(["[NaN,1.5]"] * number)
    [array] = read(f'{{"instances":[{rows}]}} more'.encode(), ROW).inputs.values()
    assert array.shape == (number, 2)
    assert np.isnan(array[:, 0]).all()
    assert (array[:, 1] == 1.5).all()


@pytest.mark.parametrize("wrong", [rb'"\ud800"', rb'"\udc00"', b"1,,2", b'"\xff"', b"\x01", b"]"])
def test_a_large_body_that_is_wrong_is_refused(wrong: bytes) -> None:
    rows = b",".join([b"[1,2]"] * 60_000)
    text = refusal(b'{"instances":[%b,%b]}' % (rows, wrong), ROW)
    assert text.startswith("JSON Parse error: ")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-300, 300)
    | st.integers(-(2**63), 2**64)
    | st.floats()
    | st.text(max_size=3)
    | st.fixed_dictionaries({"b64": st.text("aGk=", max_size=4)}),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abx"), inner, max_size=3)
    ),
    max_leaves=8,
)
bodies = st.fixed_dictionaries(
    {}, optional={"instances": values | st.lists(values, max_size=3), "inputs": values}
)


@settings(max_examples=100)
@given(
    body=bodies, dtype=st.sampled_from(["float32", "float64", "int8", "uint64", "bool", "string"])
)
def test_what_is_read_at_once_is_read_slowly_in_the_same_way(body: Any, dtype: str) -> None:
    content = json.dumps(body).encode()
    for version in (
        taking(x=TensorSpec(dtype)),
        taking(a=TensorSpec(dtype), b=TensorSpec("int64")),
    ):
        at_once = outcome(content, version)
        slowly = outcome(content, version, slowly=True)
        if at_once is None or isinstance(at_once, str) or isinstance(slowly, str):
            assert at_once in (None, slowly)
            continue
        assert slowly is not None
        assert at_once.keys() == slowly.keys()
        for name, array in at_once.items():
            assert array.dtype == slowly[name].dtype
            np.testing.assert_array_equal(array, slowly[name])


@settings(max_examples=100)
@given(body=bodies, dtype=st.sampled_from(["float32", "int32", "bool", "string", "float16"]))
def test_any_body_is_a_question_or_the_callers_mistake(body: Any, dtype: str) -> None:
    content = json.dumps(body).encode()
    with suppress(InvalidInput, MalformedBody, Unimplemented):
        assert read(content, taking(x=TensorSpec(dtype, (None, 2)))).inputs


def outcome(body: bytes, version: LiveVersion, *, slowly: bool = False) -> Tensors | str | None:
    """Return what a body asks, or the text of its error; None if it is to be read slowly."""
    try:
        return parse(body, version, slowly=slowly).inputs
    except Odd:
        return None
    except TfgateError as error:
        return error.detail


def by_row(**outputs: NDArray[Any]) -> str:
    return write(PredictAsked({}), outputs).decode("utf-8", "surrogateescape")


def by_column(**outputs: NDArray[Any]) -> str:
    return write(PredictAsked({}, by_row=False), outputs).decode("utf-8", "surrogateescape")


def strings(*values: object) -> NDArray[Any]:
    return np.array(values, object)


def test_rows_of_one_output() -> None:
    assert by_row(y=np.array([1.5, 2], np.float32)) == '{\n    "predictions": [1.5, 2.0\n    ]\n}'
    assert by_row(y=np.array([[1, 2], [3, 4]])) == '{\n    "predictions": [[1, 2], [3, 4]\n    ]\n}'
    assert by_row(y=np.zeros((0, 2))) == '{\n    "predictions": []\n}'
    assert by_row(y=np.zeros((2, 0))) == '{\n    "predictions": [[], []\n    ]\n}'
    assert by_row(y=np.zeros((1, 2, 0))) == '{\n    "predictions": [[[], []]\n    ]\n}'
    assert by_row(y=strings(b'a, "b"', b"\xff\xc3\xa9")) == (
        '{\n    "predictions": ["a, \\"b\\"", "\udcffé"\n    ]\n}'
    )


def test_rows_of_bytes() -> None:
    assert by_row(y_bytes=strings(b"\xff", b"")) == (
        '{\n    "predictions": [{\n            "b64": "/w=="\n        }, {\n            "b64": ""\n'
        "        }\n    ]\n}"
    )


def test_columns() -> None:
    assert by_column(y=np.array(1.5)) == '{\n    "outputs": 1.5\n}'
    assert by_column(y=np.array([])) == '{\n    "outputs": []\n}'
    assert by_column(y=np.zeros((2, 0))) == '{\n    "outputs": [\n        [],\n        []\n    ]\n}'
    assert by_column(y=strings(b"a"), z=np.array([True])) == (
        '{\n    "outputs": {\n        "y": [\n            "a"\n        ],\n        "z": [\n'
        "            true\n        ]\n    }\n}"
    )


def test_rows_need_a_batch() -> None:
    for outputs, text in (
        ({"y": np.array(1.5)}, "Tensor name: y has no shape information "),
        (
            {"y": np.zeros(2), "z": np.zeros(3)},
            "Tensor name: z has inconsistent batch size: 3 expecting: 2",
        ),
    ):
        with pytest.raises(InvalidInput) as raised:
            write(PredictAsked({}), outputs)
        assert raised.value.detail == text
