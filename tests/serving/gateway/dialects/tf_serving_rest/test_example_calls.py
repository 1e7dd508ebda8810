"""Bodies of classify and regress requests as Examples, and what is answered."""

from math import inf, nan

import pytest
from google.protobuf.json_format import MessageToDict

from proto.classification_pb2 import ClassificationResult
from proto.regression_pb2 import RegressionResult
from serving.errors import InvalidInput, MalformedBody, TfgateError
from serving.gateway.dialects.tf_serving_rest.document import Odd
from serving.gateway.dialects.tf_serving_rest.example_calls import (
    Examples,
    parse,
    write_classes,
    write_values,
)


def read(body: bytes) -> Examples:
    """Read a body as the endpoint does."""
    try:
        return parse(body)
    except Odd:
        return parse(body, slowly=True)


def test_features_are_of_the_kind_of_their_values() -> None:
    asked = read(
        b'{"signature_name":"s","examples":[{"i":1,"b":[true,false],"f":[1.5,NaN],"t":["a",'
        b'{"b64":"/w=="}],"none":[]},{}]}'
    )
    features = asked.input.example_list.examples[0].features.feature
    assert (asked.signature, asked.num_rows) == ("s", 2)
    assert list(features["i"].int64_list.value) == [1]
    assert list(features["b"].int64_list.value) == [1, 0]
    assert features["f"].float_list.value[0] == 1.5
    assert list(features["t"].bytes_list.value) == [b"a", b"\xff"]
    assert features["none"].WhichOneof("kind") is None


def test_a_context_goes_along() -> None:
    asked = read(b'{"context":{"c":1},"examples":[{"x":2}]}')
    assert MessageToDict(asked.input) == {
        "exampleListWithContext": {
            "examples": [{"features": {"feature": {"x": {"int64List": {"value": ["2"]}}}}}],
            "context": {"features": {"feature": {"c": {"int64List": {"value": ["1"]}}}}},
        }
    }


@pytest.mark.parametrize(
    ("examples", "text"),
    [
        ("[[]]", "Example must be JSON object but got JSON Array"),
        ('["a"]', "Example must be JSON object but got JSON String"),
        ("[true]", "Example must be JSON object but got JSON True"),
        ('[{"x":{}}]', "Feature: x has element with unexpected JSON type: Object"),
        ('[{"x":[{"b64":1}]}]', "Feature: x has element with unexpected JSON type: Object"),
        ('[{"x":[null]}]', "Feature: x has element with unexpected JSON type: Null"),
        ('[{"x":[[]]}]', "Feature: x has element with unexpected JSON type: Array"),
        ('[{"x":[1,1.5]}]', "Unexpected element type in feature: x expecting type: int64"),
        ('[{"x":[1.5,true]}]', "Unexpected element type in feature: x expecting type: float"),
        ('[{"x":["a",1]}]', "Unexpected element type in feature: x expecting type: bytes"),
        ('[{"x":[1,{"b64":""}]}]', "Unexpected element type in feature: x expecting type: int64"),
        ('[{"x":1e39}]', "Cannot convert JSON value: 1e+39 to float without loss of precision."),
        (
            '[{"x":9223372036854775808}]',
            "Feature: x has uint64_t element. Only int64_t is supported.",
        ),
        ('[{"x":{"b64":"!"}}]', "Unable to base64 decode"),
    ],
)
def test_what_is_no_feature(examples: str, text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(f'{{"examples":{examples}}}'.encode())
    assert raised.value.detail == text


@pytest.mark.parametrize(
    "body",
    [b'{"examples":[{"\xff":1}]}', b'{"signature_name":"\xff","examples":[{}]}'],
)
def test_names_are_text(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="is no UTF-8"):
        read(body)


@pytest.mark.parametrize("levels", [3_000, 10**6])
def test_lists_within_lists_without_end(levels: int) -> None:
    lists = b"[" * levels + b"]" * levels
    for body in (b'{"examples":%b}', b'{"examples":[{"x":%b}]}', b'{"context":%b}'):
        with pytest.raises(TfgateError) as raised:
            read(body % lists)
        assert isinstance(raised.value, InvalidInput | MalformedBody)


def test_scores_and_values_are_numbers_or_null() -> None:
    classes = ClassificationResult()
    row = classes.classifications.add().classes
    row.add(label=b"a", score=0.1)
    row.add(label=b'\xff"', score=nan)
    classes.classifications.add()
    assert write_classes(classes) == (
        b'{\n    "results": [[["a", 0.1], ["\xff\\"", null]], []\n    ]\n}'
    )
    values = RegressionResult()
    for value in (1.0, 1e-7, inf):
        values.regressions.add(value=value)
    assert write_values(values) == b'{\n    "results": [1.0, 1e-07, null]\n}'


def test_no_result_cannot_be_written() -> None:
    with pytest.raises(InvalidInput, match="Cannot convert empty ClassificationResults to JSON"):
        write_classes(ClassificationResult())
    with pytest.raises(InvalidInput, match="Cannot convert empty RegressionResults to JSON"):
        write_values(RegressionResult())
