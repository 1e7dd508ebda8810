"""The example that reads digits: trained on made-up ones, published, and asked."""

import base64
import gzip
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from serving.pictures.handwriting import centred
from tests.examples.published import FOLDER, Published, publish, tiny
from tests.in_process import Gateway
from tests.tiny_recipes import write_archive
from training.errors import DataCorrupt
from training.recipes import load_recipes

TINY = {"filters": 4, "batch_size": 30, "epochs": 8}
FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def digit(number: int) -> NDArray[np.uint8]:
    """Write one as a bar that stands the further to the right, the higher it is, above a line."""
    picture = np.zeros((28, 28), np.uint8)
    picture[22:24, 4:24] = 255
    picture[4:22, 4 + 2 * number : 6 + 2 * number] = 255
    return picture


def idx(array: NDArray[np.uint8]) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes())


def contents() -> dict[str, bytes]:
    random, arrays = np.random.default_rng(0), []
    for count in (360, 60):
        labels = (np.arange(count) % 10).astype(np.uint8)
        written = [digit(int(label))[..., None].repeat(3, axis=-1) for label in labels]
        pictures = np.stack([centred(each) for each in written])
        faded = (pictures * random.uniform(0.7, 1, pictures.shape)).astype(np.uint8)  # all differ
        arrays += [faded, labels]
    return {name: idx(array) for name, array in zip(FILES, arrays, strict=True)}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    def add_files(add: object) -> None:
        for name, content in files.items():
            add(f"mnist/{name}-ubyte.gz", content)  # type: ignore[operator]

    write_archive(folder / "mnist.tar.gz", add_files)
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("digits")
    return publish("digits", tiny("digits", TINY), write(folder, contents()), folder)


@pytest.fixture(scope="module")
def gateway(published: Published) -> Iterator[Gateway]:
    with published.asked() as running:
        yield running


def sent(picture: NDArray[np.uint8]) -> dict[str, str]:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return {"image": base64.b64encode(file.getvalue()).decode()}


def test_it_learns_what_is_written(published: Published) -> None:
    figures = {metric.name: metric.value for metric in published.card.metrics}
    assert figures["accuracy"] > 0.9
    assert published.card.explanation is not None
    assert published.card.explanation.completeness < 1e-3
    assert {each.name for each in published.card.robustness} == {
        "large, dark on light, in a corner",
        "with thinner strokes",
    }
    assert (published.options.reports or Path()).joinpath("digits/1/report.html").is_file()


@pytest.mark.parametrize("number", [0, 4, 9])
def test_a_digit_is_read_in_whatever_colours_size_and_place(gateway: Gateway, number: int) -> None:
    large = np.pad(255 - digit(number).repeat(5, 0).repeat(5, 1), ((0, 70), (90, 0)), "edge")
    for picture in (digit(number), large):
        answer = gateway.client.post("/predict/digits", json=sent(picture)).json()["prediction"]
        assert answer["label"] == str(number)
        assert len(answer["top"]) == 5


def test_what_it_comes_from_adds_up(gateway: Gateway) -> None:
    response = gateway.client.post("/predict/digits?explain=true", json=sent(digit(3)))
    best, _ = response.json()["prediction"]["explanation"]["maps"]
    assert best["label"] == "3"
    assert np.shape(best["values"]) == (28, 28)
    assert best["base"] + np.sum(best["values"]) == pytest.approx(best["logit"], abs=0.01)


def test_a_sheet_with_nothing_on_it_is_refused(gateway: Gateway) -> None:
    response = gateway.client.post("/predict/digits", json=sent(np.full((50, 50), 240, np.uint8)))
    assert response.status_code == 422
    assert "nothing is written" in response.json()["detail"]


def test_the_page_is_told_that_it_is_asked_what_is_drawn(gateway: Gateway) -> None:
    schema = gateway.client.get("/models/digits").json()["request_schema"]
    assert schema["properties"]["image"]["x-drawn"] is True


def test_kerass_copy_is_read_as_the_original_is(tmp_path: Path) -> None:
    load = load_recipes(FOLDER)["digits"].load
    original = load(write(tmp_path, contents()))
    arrays = [part.inputs["pixels"] for part in (original.development, original.test)]
    truths = [part.targets.astype(np.uint8) for part in (original.development, original.test)]
    np.savez(
        tmp_path / "mnist.npz",
        x_train=arrays[0],
        x_test=arrays[1],
        y_train=truths[0],
        y_test=truths[1],
    )
    copy = load(tmp_path)
    assert copy.sha256 != original.sha256
    np.testing.assert_array_equal(copy.test.inputs["pixels"], original.test.inputs["pixels"])
    np.testing.assert_array_equal(copy.development.targets, original.development.targets)


@pytest.mark.parametrize(
    "broken",
    [
        {"t10k-labels-idx1": idx(np.zeros(59, np.uint8))},
        {"t10k-labels-idx1": idx(np.full(60, 10, np.uint8))},
        {"t10k-images-idx3": idx(np.zeros((60, 28, 27), np.uint8))},
        {"t10k-images-idx3": gzip.compress(b"\0\0\x08\x03\0\0")},
        {"t10k-images-idx3": gzip.compress(b"no digits")},
        {"t10k-images-idx3": b"not packed"},
    ],
)
def test_what_is_not_whole_is_told(tmp_path: Path, broken: dict[str, bytes]) -> None:
    folder = write(tmp_path, {**contents(), **broken})
    with pytest.raises(DataCorrupt, match="no whole copy"):
        load_recipes(FOLDER)["digits"].load(folder)
