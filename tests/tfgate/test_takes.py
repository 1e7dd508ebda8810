"""How models are asked that are not typed here, by what a gateway tells of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tfgate.loadtest.stand_in import DECLARED, GENERIC, StandIn, signature, standing_in
from tfgate.ask import CannotAsk, Gateway
from tfgate.question import Takes, WrongQuestion, read_question
from tfgate.takes import takes


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with standing_in(StandIn({"models/weather": (404, "unknown-model")})) as stand_in:
        yield Gateway(stand_in.url)


@pytest.fixture
def generic(gateway: Gateway) -> Takes:
    return takes(gateway, GENERIC, {})


def body(taken: Takes, given: str) -> object:
    return json.loads(read_question(taken, given).content)


def test_a_model_with_a_file_elsewhere_is_asked_as_one_with_a_file_here(
    gateway: Gateway,
) -> None:
    taken = takes(gateway, DECLARED, {"version": 3})

    assert taken.path == "/predict/churn?version=3"
    assert json.loads(taken.example()) == {"x": 1}
    assert body(taken, "a text") == {"x": "a text"}
    assert body(taken, '{"x": 2}') == {"x": 2}


def test_why_is_asked_beside_what(gateway: Gateway) -> None:
    choice = {"version": 3}
    assert takes(gateway, "housing", {}, explain=True).path == "/predict/housing?explain=true"
    typed = takes(gateway, DECLARED, choice, explain=True)
    assert typed.path == "/predict/churn?version=3&explain=true"
    generic = takes(gateway, GENERIC, choice, explain=True)
    assert generic.path == "/v1/models/a%20b/versions/3:explain"


def test_a_generic_model_is_asked_why_by_its_signature_of_that_name() -> None:
    signatures = {
        "explain": signature(x=("float32", [None])),
        "serving_default": signature(y=("float32", [None])),
    }
    with standing_in(StandIn(signatures=signatures)) as stand_in:
        taken = takes(Gateway(stand_in.url), GENERIC, {}, explain=True)
    assert json.loads(taken.example()) == {"inputs": {"x": [0]}}


def test_the_example_for_a_generic_model_fits_its_signature(generic: Takes) -> None:
    assert json.loads(generic.example()) == {"inputs": {"x": [[[0], [0]]], "text": ["0"]}}


def of_signatures(**signatures: object) -> Takes:
    with standing_in(StandIn(signatures=signatures)) as stand_in:
        return takes(Gateway(stand_in.url), GENERIC, {})


def test_without_the_usual_signature_the_first_that_json_can_ask_is_asked() -> None:
    taken = of_signatures(
        complex=signature(z=("complex64", [None]), in_json=False),
        encode=signature(x=("bool", [2]), optional_y=("int64", [None])),
        later=signature(x=("int64", [])),
    )

    asked = {"signature_name": "encode", "inputs": {"x": [False, False]}}
    assert json.loads(taken.example()) == asked


def test_there_is_no_example_of_what_json_cannot_hold() -> None:
    taken = of_signatures(serving_default=signature(h=("float16", [None]), in_json=False))

    with pytest.raises(WrongQuestion, match=r"cannot send as JSON; GET /models/a%20b"):
        taken.example()


@pytest.mark.parametrize(("shape", "nested"), [([None], 1), ([], 0), ([None, 1], 2)])
def test_a_file_that_is_no_text_goes_where_a_tensor_may_hold_it(
    tmp_path: Path, shape: list[int | None], nested: int
) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8\xff")
    taken = of_signatures(serving_default=signature(picture=("string", shape)))

    value = json.loads(read_question(taken, str(file)).content)["inputs"]["picture"]
    for _ in range(nested):
        [value] = value
    assert value == {"b64": "/9j/"}


def test_a_file_that_is_no_text_is_none_of_several_tensors(tmp_path: Path, generic: Takes) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8\xff")

    with pytest.raises(WrongQuestion, match="no text in UTF-8"):
        read_question(generic, str(file))


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ('{"instances": [1], "signature_name": "s"}', {"instances": [1], "signature_name": "s"}),
        ("[[1, 2], [3, 4]]", {"instances": [[1, 2], [3, 4]]}),
        ("5", {"instances": [5]}),
        ("A waste of time", {"instances": ["A waste of time"]}),
        ("[sic] a text", {"instances": ["[sic] a text"]}),
    ],
)
def test_rows_may_be_given_as_they_are(generic: Takes, given: str, asked: object) -> None:
    assert body(generic, given) == asked


@pytest.mark.parametrize(
    ("choice", "path"),
    [
        ({}, "/v1/models/a%20b:predict"),
        ({"version": 3}, "/v1/models/a%20b/versions/3:predict"),
        ({"label": "st/able"}, "/v1/models/a%20b/labels/st%2Fable:predict"),
    ],
)
def test_a_version_or_a_label_is_in_the_path(
    gateway: Gateway, choice: dict[str, object], path: str
) -> None:
    assert takes(gateway, GENERIC, choice).path == path


def test_a_version_and_a_label_exclude_each_other(gateway: Gateway) -> None:
    with pytest.raises(WrongQuestion, match="exclude each other"):
        takes(gateway, GENERIC, {"version": 3, "label": "stable"})


def test_what_the_gateway_does_not_know_is_told_in_its_words(gateway: Gateway) -> None:
    with pytest.raises(CannotAsk, match="it is unknown-model"):
        takes(gateway, "weather", {})
