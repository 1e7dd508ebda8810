"""Pictures as JSON, as a raw body and as a form."""

import base64

import httpx
import pytest

from serving.pictures.decode import MAX_BYTES
from serving.pictures.kinds import NAMES
from tests.compare import assert_same
from tests.drawings import as_json, drawing, file_of


def test_json_raw_body_and_form_get_the_same_answer(http: httpx.Client) -> None:
    for file_format in NAMES:
        data, media_type = file_of(drawing(), file_format), f"image/{file_format.lower()}"

        answers = [
            http.post("/predict/image", json=as_json(data)),
            http.post("/predict/image", content=data, headers={"Content-Type": media_type}),
            http.post("/predict/image", files={"file": ("drawing", data, media_type)}),
            http.post("/predict/image", files={"picture": ("x.bin", data)}),
        ]

        assert [answer.status_code for answer in answers] == [200] * 4, file_format
        predictions = [answer.json()["prediction"] for answer in answers]
        assert predictions[1:] == predictions[:1] * 3, file_format


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


@pytest.mark.parametrize(
    ("file", "status", "message"),
    [
        (b"%PDF-1.7", 422, "a PDF document"),
        (file_of(drawing())[:200], 422, "the PNG file is cut short"),
        (b"", 422, "no bytes came"),
        (file_of(drawing()) + bytes(MAX_BYTES), 413, "of a PNG file at most 5,000,000 are read"),
    ],
)
@pytest.mark.parametrize("others", [0, 3])
def test_a_refused_picture_is_named_by_its_place(
    http: httpx.Client, file: bytes, status: int, message: str, others: int
) -> None:
    instances = [as_json(file_of(drawing()))] * others + [as_json(file)]

    single = http.post("/predict/image", json=as_json(file))
    batch = http.post("/predict/image/batch", json={"instances": instances})

    assert (single.status_code, batch.status_code) == (status, status)
    assert message in single.json()["detail"]
    assert message in batch.json()["detail"]
    assert batch.json()["detail"].startswith(f"instances.{others}: ")
    assert [each["field"] for each in single.json()["errors"]] == ["image"]
    assert [each["field"] for each in batch.json()["errors"]] == [f"instances.{others}.image"]


def test_base64_comes_in_lines_and_for_urls(http: httpx.Client) -> None:
    file = file_of(drawing())

    texts = [base64.encodebytes(file).decode(), base64.urlsafe_b64encode(file).decode()]
    answers = [http.post("/predict/image", json={"image": text}) for text in texts]

    expected = http.post("/predict/image", json=as_json(file)).json()["prediction"]
    assert [answer.json()["prediction"] for answer in answers] == [expected, expected]
