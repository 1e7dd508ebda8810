"""The picture as a request, and what the scores mean; how files are decoded is tested elsewhere."""

import base64
from urllib.parse import quote

import numpy as np
import pytest
from pydantic import ValidationError

from serving.models.image import MODEL, ImageRequest, postprocess
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
