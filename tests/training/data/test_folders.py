"""A user's own files are read from folders of classes, as the gateway would read them."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serving.models.sentiment import clean
from serving.pictures.decode import decode
from training.data import folders
from training.errors import DataNotFound, DataUnfit
from training.models.image import cifar10
from training.models.sentiment import imdb
from training.pipeline import divide
from training.recipe import Recipe


def write_texts(folder: Path, *, num_texts: int = 20, start: str = "") -> None:
    folder.mkdir(parents=True)
    for number in range(num_texts):
        text = f"{start}<b>{folder.name}</b> text&nbsp;{number}"
        (folder / f"{number}.txt").write_text(text)


@pytest.fixture
def bounty(tmp_path: Path) -> Path:
    """A folder with two classes of texts."""
    write_texts(tmp_path / "bad")
    write_texts(tmp_path / "good", num_texts=30)
    return tmp_path


def test_texts_are_cleaned_and_a_fifth_and_a_tenth_of_each_class_held_out(bounty: Path) -> None:
    data = imdb.load(bounty)
    assert data.classes == ("bad", "good")
    assert np.bincount(data.test.targets).tolist() == [4, 6]
    assert data.splits is not None
    assert np.bincount(data.splits.validation.targets).tolist() == [2, 2]
    assert len(data.splits.train) + len(data.splits.validation) == len(data.development) == 40
    every = [*data.development.inputs["text"], *data.test.inputs["text"]]
    assert clean("<b>good</b> text&nbsp;29").encode() in every
    assert len(set(every)) == 50
    again = imdb.load(bounty)
    assert again.sha256 == data.sha256
    assert again.test.inputs["text"].tolist() == data.test.inputs["text"].tolist()


def test_the_checksum_changes_with_a_name_or_a_content(bounty: Path) -> None:
    before = imdb.load(bounty).sha256
    (bounty / "bad" / "0.txt").rename(bounty / "bad" / "00.txt")
    renamed = imdb.load(bounty).sha256
    (bounty / "bad" / "00.txt").write_text("Other words.")
    assert len({before, renamed, imdb.load(bounty).sha256}) == 3


def test_folders_for_the_parts_are_used_as_they_are(tmp_path: Path) -> None:
    for part, num_texts in (("train", 20), ("validation", 3), ("test", 2)):
        for name in ("bad", "good"):
            write_texts(tmp_path / part / name, num_texts=num_texts, start=part)
    data = imdb.load(tmp_path)
    assert data.splits is not None
    sizes = (len(data.splits.train), len(data.splits.validation), len(data.test))
    assert sizes == (40, 6, 4)
    assert all(text.startswith(b"test") for text in data.test.inputs["text"])
    assert data.splits.method == (
        "test part: the folder of that name; validation part: the folder of that name"
    )


def test_a_folder_of_test_texts_is_used_beside_those_of_the_classes(bounty: Path) -> None:
    for name in ("bad", "good"):
        write_texts(bounty / "test" / name, num_texts=2, start="test")
    data = imdb.load(bounty)
    assert data.classes == ("bad", "good")
    assert all(text.startswith(b"test") for text in data.test.inputs["text"])
    assert len(data.test) == 4


def test_unlabelled_texts_are_read_without_those_of_the_test_part(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("bad", "good"):
            write_texts(tmp_path / part / name, start=part)
    write_texts(tmp_path / "train" / "unsup", num_texts=2)
    (tmp_path / "train" / "unsup" / "copy.txt").write_text("test<b>bad</b> text 7")
    data = imdb.load(tmp_path)
    assert data.classes == ("bad", "good")
    assert data.unlabelled["text"].tolist() == [b"unsup text 0", b"unsup text 1"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"])
def test_pictures_are_decoded_as_the_gateway_decodes_them(kind: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    files = {}
    for label in cifar10.CLASSES:
        (tmp_path / label).mkdir()
        for number in range(20):
            file = io.BytesIO()
            Image.fromarray(random.integers(0, 255, (40, 50, 3), np.uint8)).save(file, kind)
            path = tmp_path / label / f"{number}.{kind.replace('JPEG', 'jpg')}"
            path.write_bytes(file.getvalue())
            files[decode(file.getvalue()).tobytes()] = label
    data = cifar10.load(tmp_path)
    assert data.classes == cifar10.CLASSES
    assert (len(data.development), len(data.test)) == (160, 40)
    for pixels, target in zip(data.test.inputs["pixels"], data.test.targets, strict=True):
        assert files[pixels.tobytes()] == data.classes[target]


def test_a_file_that_cannot_be_read_is_named_and_left_out(bounty: Path) -> None:
    (bounty / "good" / "latin.txt").write_bytes(b"caf\xe9")
    (bounty / "good" / "none.txt").write_text("<p></p>\n")
    data = imdb.load(bounty)
    (finding,) = data.findings
    assert (finding.severity, finding.count) == ("refusal", 2)
    assert "good/latin.txt (it is not in UTF-8: line 1, byte 4 is 0xE9" in finding.message
    assert "good/none.txt (no visible character in it)" in finding.message
    assert len(data.development) + len(data.test) == 50


def test_a_few_broken_files_among_many_are_a_warning(bounty: Path) -> None:
    write_texts(bounty / "more", num_texts=120)
    for path in (bounty / "more").iterdir():
        path.rename(bounty / "good" / f"more-{path.name}")
    (bounty / "good" / "latin.txt").write_bytes(b"caf\xe9")
    (finding,) = imdb.load(bounty).findings
    assert (finding.severity, finding.count) == ("warning", 1)


def test_a_model_without_a_public_data_set_is_read_from_its_folder_alone(bounty: Path) -> None:
    kind = replace(imdb.TEXTS, name="tickets")
    assert folders.read(bounty, kind).sha256 == imdb.load(bounty).sha256
    (bounty / "empty").mkdir()
    with pytest.raises(DataNotFound, match="empty holds nothing, and no folder for each class"):
        folders.read(bounty / "empty", kind)
    with pytest.raises(DataNotFound, match="tickets has no public data set: name a folder"):
        folders.read(None, kind)


def test_what_else_lies_in_the_folders_of_the_classes_is_named(bounty: Path) -> None:
    for name in ("a.docx", "b.md", ".DS_Store", "Thumbs.db"):
        (bounty / "good" / name).touch()
    write_texts(bounty / "bad" / "more")
    (finding,) = imdb.load(bounty).findings
    assert (finding.severity, finding.count) == ("warning", 3)
    assert (
        finding.message == "left out: bad/more, good/a.docx, good/b.md; what is read is named .txt"
    )


def test_a_third_class_of_texts_is_refused(bounty: Path) -> None:
    write_texts(bounty / "neutral")
    with pytest.raises(DataUnfit) as caught:
        imdb.load(bounty)
    assert str(caught.value) == (
        f"{bounty} holds 3 classes (bad, good, neutral), but the model sentiment is declared to "
        "have 2: bring 2 folders"
    )


def test_another_number_of_classes_is_refused_with_the_place_to_change(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").touch()
    with pytest.raises(DataUnfit) as caught:
        cifar10.load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds 2 classes (cat, dog), but the model image is declared to have 10: bring "
        "10 folders, or change the shapes of its outputs, in its typed file, to (2,)"
    )


def test_a_class_of_the_test_part_alone_is_refused(tmp_path: Path) -> None:
    for name in ("train/bad", "train/good", "test/Good"):
        write_texts(tmp_path / name)
    with pytest.raises(DataUnfit, match=r"test holds Good, which .*train does not"):
        imdb.load(tmp_path)


def test_a_class_with_hardly_any_files_is_refused(tmp_path: Path) -> None:
    write_texts(tmp_path / "bad", num_texts=3)
    write_texts(tmp_path / "good")
    with pytest.raises(DataUnfit, match="class bad has 3 readable files, of 3; at least 20"):
        imdb.load(tmp_path)


def test_the_public_data_set_goes_before_ones_own(data_folder: Path, tmp_path: Path) -> None:
    write_texts(tmp_path / "bad")
    (tmp_path / "aclImdb_v1.tar.gz").symlink_to(data_folder / "aclImdb_v1.tar.gz")
    assert imdb.load(tmp_path).name.startswith("Large Movie Review")


@pytest.mark.parametrize(
    ("load", "example"),
    [(imdb.load, "such as negative/1.txt"), (cifar10.load, "such as cat/1.jpg")],
)
def test_an_empty_folder_is_refused_with_what_could_lie_there(
    load: Callable[[Path], object], example: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataNotFound, match=example):
        load(tmp_path)


def test_the_folders_names_are_those_of_the_answers(
    bounty: Path, tiny_recipes: dict[str, Recipe[Any]]
) -> None:
    recipe = tiny_recipes["sentiment"]
    splits = divide(recipe, recipe.load(bounty))
    graph = recipe.serve(recipe.prepare(recipe.hyper_parameters, splits, 0))
    answers = graph.answer_all(splits.validation.inputs, len(splits.validation))
    assert answers["classes"][0].tolist() == [b"bad", b"good"]
