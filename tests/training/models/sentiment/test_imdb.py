"""Film reviews are read whole, cleaned, and with their films."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.errors import DataCorrupt
from training.models import RECIPES
from training.models.sentiment import imdb

TEST_REVIEW = b"I've seen it."


def test_reviews_are_cleaned_and_in_the_order_of_their_numbers(data_folder: Path) -> None:
    data = imdb.load(data_folder)
    assert (len(data.development), len(data.test)) == (60, 50)
    assert data.development.targets.tolist() == [0] * 30 + [1] * 30
    assert data.development.groups is not None
    assert data.development.groups.tolist() == [1 + number // 3 for number in range(30)] * 2
    text = data.development.inputs["text"][0].decode()
    assert text.startswith("It's ")
    assert text.endswith("! The end.")


def test_no_film_is_in_two_parts(data_folder: Path) -> None:
    recipe = RECIPES["sentiment"]
    splits = recipe.split(recipe.load(data_folder).development)
    assert splits.train.groups is not None
    assert splits.validation.groups is not None
    assert not set(splits.train.groups) & set(splits.validation.groups)
    assert len(splits.train) + len(splits.validation) == 60


def add_unlabelled(add: Any) -> None:
    for number, text in enumerate([b"Great<br />film.", TEST_REVIEW, b"Great film.", b"So so."]):
        add(f"aclImdb/train/unsup/{number}_0.txt", text)


def add_labelled(add: Any) -> None:
    for part in ("train", "test"):
        for label in ("neg", "pos"):
            add(f"aclImdb/{part}/urls_{label}.txt", b"http://www.imdb.com/title/tt0000001/")
            add(f"aclImdb/{part}/{label}/0_5.txt", TEST_REVIEW + label.encode() * (part == "train"))


def add_all(add: Any) -> None:
    add_labelled(add)
    add_unlabelled(add)


@pytest.mark.parametrize("apart", [False, True])
def test_unlabelled_reviews_are_read_without_copies_and_without_those_of_the_test_part(
    archive: Callable[[Path, Any], None], tmp_path: Path, apart: bool
) -> None:
    if apart:
        archive(tmp_path / "aclImdb_v1.tar.gz", add_labelled)
        archive(tmp_path / "aclImdb_v1_unsup.tar.gz", add_unlabelled)
    else:
        archive(tmp_path / "aclImdb_v1.tar.gz", add_all)
    data = imdb.load(tmp_path)
    assert data.unlabelled["text"].tolist() == [b"Great film.", b"So so."]
    (finding,) = data.findings
    assert (finding.severity, finding.count, finding.share) == ("note", 2, 0.5)
    assert len(data.development) == len(data.test) == 2


def test_without_unlabelled_reviews_a_warning_says_what_is_lost(data_folder: Path) -> None:
    data = imdb.load(data_folder)
    assert not data.unlabelled
    (finding,) = data.findings
    assert finding.severity == "warning"
    assert "aclImdb_v1_unsup.tar.gz" in finding.message


def test_a_broken_archive_is_refused(data_folder: Path, tmp_path: Path) -> None:
    whole = (data_folder / "aclImdb_v1.tar.gz").read_bytes()
    (tmp_path / "aclImdb_v1.tar.gz").write_bytes(whole[:100])
    with pytest.raises(DataCorrupt, match="get it again"):
        imdb.load(tmp_path)


def test_an_archive_without_films_is_refused(
    archive: Callable[[Path, Any], None], tmp_path: Path
) -> None:
    archive(tmp_path / "aclImdb_v1.tar.gz", lambda add: add("aclImdb/train/neg/0_1.txt", b"Bad."))
    with pytest.raises(DataCorrupt, match="lacks reviews or films"):
        imdb.load(tmp_path)


def test_every_review_keeps_its_own_film(data_folder: Path) -> None:
    examples = imdb.load(data_folder).development
    assert examples.groups is not None
    picked = examples.take(np.array([59, 0]))
    assert picked.groups is not None
    assert picked.groups.tolist() == [10, 1]
    assert picked.inputs["text"][0] == examples.inputs["text"][59]
