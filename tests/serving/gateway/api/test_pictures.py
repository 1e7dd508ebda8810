"""Pictures as JSON, as a raw body and as a form; the pictures are drawn here."""

import base64
import io

import httpx
import numpy as np
import pytest
from PIL import Image

from serving.models import MODELS
from tests.compare import assert_same


def drawing(seed: int = 0, size: tuple[int, int] = (90, 60)) -> Image.Image:
    """Draw some coloured blocks on a plain ground."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", size, tuple(random.integers(0, 256, 3).tolist()))
    for _ in range(6):
        left, top = random.integers(0, size[0] - 20), random.integers(0, size[1] - 20)
        colour = tuple(random.integers(0, 256, 3).tolist())
        picture.paste(colour, (int(left), int(top), int(left) + 20, int(top) + 20))
    return picture


def file_of(picture: Image.Image, file_format: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format)
    return file.getvalue()


def as_json(data: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(data).decode()}


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_json_raw_body_and_form_get_the_same_answer(http: httpx.Client, file_format: str) -> None:
    data, media_type = file_of(drawing(), file_format), f"image/{file_format.lower()}"

    answers = [
        http.post("/predict/image", json=as_json(data)),
        http.post("/predict/image", content=data, headers={"Content-Type": media_type}),
        http.post("/predict/image", files={"file": ("drawing", data, media_type)}),
        http.post("/predict/image", files={"picture": ("x.bin", data)}),
    ]

    assert [answer.status_code for answer in answers] == [200] * 4
    predictions = [answer.json()["prediction"] for answer in answers]
    for prediction in predictions[1:]:
        assert_same(prediction, predictions[0])


def test_the_five_most_probable_classes_come_in_order(http: httpx.Client) -> None:
    prediction = http.post("/predict/image", json=as_json(file_of(drawing()))).json()["prediction"]

    probabilities = [entry["probability"] for entry in prediction["top"]]
    assert len(probabilities) == 5
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1 + 1e-6
    assert prediction["label"] == prediction["top"][0]["label"]
    assert prediction["confidence"] == probabilities[0]


def test_a_batch_keeps_its_order(http: httpx.Client) -> None:
    instances = [as_json(file_of(drawing(seed))) for seed in range(20)]

    batch = http.post("/predict/image/batch", json={"instances": instances}).json()
    singles = [http.post("/predict/image", json=instance).json() for instance in instances]

    assert_same(batch["predictions"], [single["prediction"] for single in singles])


def test_a_large_photograph_is_answered_like_its_thumbnail(http: httpx.Client) -> None:
    picture = drawing(size=(300, 300))
    large = picture.resize((4000, 4000), Image.Resampling.NEAREST)

    answers = [
        http.post("/predict/image", json=as_json(file_of(each, "JPEG"))).json()["prediction"]
        for each in (picture, large)
    ]

    assert_same(answers[0]["confidence"], answers[1]["confidence"], tolerance=0.05)


def test_the_drawn_ship_is_a_ship(http: httpx.Client) -> None:
    example = MODELS["image"].example.model_dump(mode="json")

    assert http.post("/predict/image", json=example).json()["prediction"]["label"] == "ship"
