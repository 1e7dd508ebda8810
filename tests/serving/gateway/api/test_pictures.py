"""Pictures as JSON, as a raw body and as a form."""

import httpx

from serving.models.image import FORMATS
from tests.compare import assert_same
from tests.drawings import as_json, drawing, file_of


def test_json_raw_body_and_form_get_the_same_answer(http: httpx.Client) -> None:
    for file_format in FORMATS:
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
