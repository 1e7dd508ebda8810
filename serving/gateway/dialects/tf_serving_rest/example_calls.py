"""Classify and regress: JSON objects become Examples, and classes and values become JSON."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from proto.classification_pb2 import ClassificationResult
from proto.example_pb2 import Example, Feature, Input
from proto.regression_pb2 import RegressionResult
from serving.errors import InvalidInput
from serving.gateway.dialects.tf_serving_rest import document
from serving.gateway.dialects.tf_serving_rest.decimals import dump
from serving.gateway.dialects.tf_serving_rest.document import Document
from serving.gateway.dialects.tf_serving_rest.elements import (
    check_lossless,
    decode_base64,
    is_base64,
)
from serving.gateway.dialects.tf_serving_rest.json_value import Value, members, string, type_name

_MAX_INT64 = 2**63 - 1


@dataclass(frozen=True)
class Examples:
    """What is asked, by which signature; an empty name for the default."""

    input: Input
    num_rows: int
    signature: str


def parse(body: bytes, *, slowly: bool = False) -> Examples:
    """Read the body of a classify or regress request.

    Raises:
        Odd: it must be read `slowly`, which raises what follows instead.
        MalformedBody: it is no JSON.
        InvalidInput: it has no examples, or a feature that is none.
    """
    asked = document.read(body, slowly=slowly)
    name = document.signature_name(asked)
    sent = Input()
    if "context" in asked:
        sent.example_list_with_context.context.CopyFrom(_example(asked["context"]))
        examples = sent.example_list_with_context.examples
    else:
        examples = sent.example_list.examples
    rows = _rows(asked)
    examples.extend(_example(row) for row in rows)
    return Examples(sent, len(rows), _unicode(name, "the signature's name"))


def write_classes(result: ClassificationResult) -> bytes:
    """Write labels and scores of each example.

    Raises:
        InvalidInput: there is nothing to write.
    """
    if not result.classifications:
        message = "Cannot convert empty ClassificationResults to JSON"
        raise InvalidInput(message, hint="")
    rows = []
    for row in result.classifications:
        scores = _numbers(each.score for each in row.classes)
        labels = (each.label.decode("utf-8", "surrogateescape") for each in row.classes)
        pairs = [
            b"[" + string(label).encode("utf-8", "surrogateescape") + b", " + score + b"]"
            for label, score in zip(labels, scores, strict=True)
        ]
        rows.append(b"[" + b", ".join(pairs) + b"]")
    return b'{\n    "results": [' + b", ".join(rows) + b"\n    ]\n}"


def write_values(result: RegressionResult) -> bytes:
    """Write the value of each example.

    Raises:
        InvalidInput: there is nothing to write.
    """
    if not result.regressions:
        message = "Cannot convert empty RegressionResults to JSON"
        raise InvalidInput(message, hint="")
    values = _numbers(each.value for each in result.regressions)
    return b'{\n    "results": [' + b", ".join(values) + b"]\n}"


def _rows(asked: Document) -> list[Value]:
    if "examples" not in asked:
        # TF Serving says so of regress, too.
        reason = "When method is classify, key 'examples' is expected and was not found"
        raise document.wrong(asked, reason)
    rows = asked["examples"]
    if not isinstance(rows, list):
        raise document.wrong(asked, "Expecting 'examples' value to be an list/array")
    if not rows:
        raise document.wrong(asked, "'examples' value is an empty array")
    return rows


def _example(value: Value) -> Example:
    if not isinstance(value, dict):
        message = f"Example must be JSON object but got JSON {type_name(value)}"
        raise InvalidInput(message, hint="")
    example = Example()
    # An example without features is one, too.
    example.features.SetInParent()
    for name, content in members(value):
        feature = Feature()
        for element in content if isinstance(content, list) else [content]:
            _add(feature, name, element)
        example.features.feature[_unicode(name, "the name of a feature")].CopyFrom(feature)
    return example


def _add(feature: Feature, name: str, value: Value) -> None:
    """Add a value to those of a feature, which are all of the first one's kind."""
    kind = _kind(name, value)
    existing = feature.WhichOneof("kind")
    if existing not in (None, kind):
        expected = existing.removesuffix("_list")
        message = f"Unexpected element type in feature: {name} expecting type: {expected}"
        raise InvalidInput(message, hint="")
    if isinstance(value, str):
        feature.bytes_list.value.append(value.encode("utf-8", "surrogateescape"))
    elif isinstance(value, dict):
        feature.bytes_list.value.append(decode_base64(value))
    elif isinstance(value, float):
        check_lossless(value, "float32")
        feature.float_list.value.append(value)
    elif isinstance(value, int) and value > _MAX_INT64:
        message = f"Feature: {name} has uint64_t element. Only int64_t is supported."
        raise InvalidInput(message, hint="")
    elif isinstance(value, int):
        feature.int64_list.value.append(int(value))


def _kind(name: str, value: Value) -> str:
    if isinstance(value, float):
        return "float_list"
    if isinstance(value, int):
        return "int64_list"
    if isinstance(value, str) or is_base64(value):
        return "bytes_list"
    message = f"Feature: {name} has element with unexpected JSON type: {type_name(value)}"
    raise InvalidInput(message, hint="")


def _numbers(values: Iterable[float]) -> list[bytes]:
    array = np.fromiter(values, np.float32)
    return dump(array)[1:-1].split(b",") if array.size else []


def _unicode(name: str, what: str) -> str:
    """Return a name that a message can hold."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        message = f"{what} is no UTF-8"
        raise InvalidInput(message, hint="Send the body in UTF-8.") from error
    return name
