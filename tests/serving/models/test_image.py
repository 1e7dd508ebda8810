"""The picture as a request, and what the scores mean; how files are decoded is tested elsewhere."""

import base64
import io
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from serving.contract import Tensors
from serving.models.image import MODEL, ImageRequest, measure, postprocess
from tests.serving.pictures.files import file_of, noise

PNG = file_of(noise(8, 8))
ENCODED = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    "text",
    [
        ENCODED,
        f"data:image/png;base64,{ENCODED}",
        f"DATA:image/png;charset=utf-8;BASE64,{ENCODED}",
        base64.encodebytes(PNG).decode(),
        base64.encodebytes(PNG).decode().replace("\n", "\r\n"),
        f"data:image/png;base64,{base64.encodebytes(PNG).decode()}",
        f"  {ENCODED}\n",
        f" \n data:image/png;base64,{ENCODED}",
        f"data:image/png; base64, {ENCODED}",
        f"data:;name=a.png;base64,{quote(ENCODED, safe='')}",
        base64.urlsafe_b64encode(PNG).decode(),
        base64.urlsafe_b64encode(PNG).decode().rstrip("="),
        ENCODED.rstrip("="),
    ],
)
def test_base64_is_taken_as_programs_write_it(text: str) -> None:
    assert ImageRequest.model_validate({"image": text}).image == PNG


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("not base64!", "valid base64"),
        ("abcde", "valid base64"),
        ("zażółć", "valid base64"),
        (7, "base64"),
        (None, "base64"),
        (["aGk="], "base64"),
        ("data:image/svg+xml,%3Csvg%3E", "data URL with ;base64"),
        ("https://example.org/ship.png", "not its address"),
    ],
)
def test_what_is_no_base64_is_refused(value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ImageRequest.model_validate({"image": value})


def test_the_example_survives_json() -> None:
    assert ImageRequest.model_validate_json(MODEL.example.model_dump_json()) == MODEL.example


def test_the_five_most_probable_classes_are_named_in_order() -> None:
    scores = np.array([[0, 0.05, 0.4, 0.1, 0.02, 0.2, 0, 0.23, 0, 0]], np.float32)
    classes = np.array([[f"class {i}".encode() for i in range(10)]], dtype=object)

    (response,) = postprocess({}, {"classes": classes, "scores": scores}, None)

    assert [entry["label"] for entry in response["top"]] == [f"class {i}" for i in (2, 7, 5, 3, 1)]
    assert response["label"] == "class 2"
    assert response["confidence"] == pytest.approx(0.4)


def version_outputs(num_rows: int) -> dict[str, NDArray[Any]]:
    """What a version that says all it can gives for so many pictures: each a ship, or a cat."""
    names = [f"class {number}".encode() for number in range(8)] + [b"cat", b"ship"]
    scores = np.tile(np.array([0.0] * 8 + [0.3, 0.7], np.float32), (num_rows, 1))
    return {
        "classes": np.tile(np.array(names, dtype=object), (num_rows, 1)),
        "scores": scores,
        "p_values": np.tile(np.array([0.01] * 8 + [0.08, 0.6], np.float32), (num_rows, 1)),
        "familiarity": np.linspace(0.02, 0.9, num_rows, dtype=np.float32),
        "explained_classes": np.tile(np.array([b"ship", b"cat"], dtype=object), (num_rows, 1)),
        "maps": np.random.default_rng(0).normal(size=(num_rows, 2, 32, 32)).astype(np.float32),
        "bases": np.full((num_rows, 2), [1.5, -0.25], np.float32),
        "logits": np.full((num_rows, 2), [5.0, 4.0], np.float32),
    }


def pictures(num_rows: int) -> Tensors:
    return MODEL.preprocess([MODEL.example] * num_rows)


def test_what_a_version_says_of_itself_stands_beside_its_answers() -> None:
    strange, usual = postprocess(pictures(2), version_outputs(2), None)
    assert usual["class_sets"] == [
        {"coverage": 0.9, "labels": ["ship"]},
        {"coverage": 0.95, "labels": ["ship", "cat"]},
    ]
    told = [each["familiarity"] for each in (strange, usual)]
    assert [bool(each and each["message"]) for each in told] == [True, False]


def test_a_version_that_says_less_is_answered_for_as_well() -> None:
    less = {name: version_outputs(1)[name] for name in ("classes", "scores")}
    (answer,) = postprocess(pictures(1), less, None)
    assert answer["label"] == "ship"
    assert (answer["familiarity"], answer["class_sets"]) == (None, None)
    assert "familiarity" not in measure(pictures(1), less)


def test_an_explanation_adds_up_and_is_of_the_two_best_classes() -> None:
    outputs, request = version_outputs(2), ImageRequest(image=file_of(noise(50, 40)))
    outputs["maps"][:, :, 0, 0] += (
        outputs["logits"] - outputs["bases"] - outputs["maps"].sum((2, 3))
    )
    assert MODEL.explanation
    explained = MODEL.explanation.postprocess([request] * 2, pictures(2), outputs)
    adapter = TypeAdapter(list[MODEL.explanation.response])  # type: ignore[name-defined]
    assert adapter.validate_python(explained, strict=True, extra="forbid") == explained
    assert len(explained) == 2
    first = explained[0]
    assert first["crop"] == {"left": 5, "top": 0, "side": 40, "width": 50, "height": 40}
    assert [each["label"] for each in first["maps"]] == ["ship", "cat"]
    for each, values in zip(first["maps"], outputs["maps"][0], strict=True):
        np.testing.assert_allclose(each["values"], values, atol=1e-6)
        assert abs(each["base"] + np.sum(each["values"]) - each["logit"]) < 1e-3
        assert each["overlay"].startswith("data:image/png;base64,")
        picture = Image.open(io.BytesIO(ImageRequest(image=each["overlay"]).image))
        assert picture.size == (128, 128)


def test_drift_is_seen_by_how_pictures_look_and_by_what_is_answered() -> None:
    grey, striped = np.full((32, 32, 3), 100, np.uint8), np.zeros((32, 32, 3), np.uint8)
    striped[::2, :, 0] = 200
    columns = measure({"pixels": np.stack([grey, striped])}, version_outputs(2))
    seen = {name: column.tolist() for name, column in columns.items()}
    assert seen == {
        "pixels.brightness": pytest.approx([100, 29.9]),
        "pixels.contrast": pytest.approx([0, 29.9], abs=1e-4),
        "pixels.saturation": [0, 100],
        "answer.label": [b"ship", b"ship"],
        "answer.confidence": pytest.approx([0.7, 0.7]),
        "familiarity": pytest.approx([0.02, 0.9]),
    }
    nothing = {name: array[:0] for name, array in version_outputs(1).items()}
    empty = measure({"pixels": np.empty((0, 32, 32, 3), np.uint8)}, nothing)
    assert {len(column) for column in empty.values()} == {0}
