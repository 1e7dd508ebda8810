"""Reads the Large Movie Review Dataset: film reviews, positive, negative or without a label.

Source: A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011, pp. 142-150.
"""

import re
import tarfile
from pathlib import Path

import numpy as np

from serving.card import DataFinding
from serving.models.sentiment import clean
from training.data.files import DataFile, locate, sha256
from training.errors import DataCorrupt
from training.recipe import Data, Examples

FILE = DataFile(
    url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    checksum="md5:7c2ac02c03563afcf9b574c7e56c153a",
    names=("aclImdb_v1.tar.gz",),
)
# Some keep the unlabelled reviews apart: as the published archive has them, but in this file.
UNLABELLED_FILE = "aclImdb_v1_unsup.tar.gz"
LABELS = ("neg", "pos")  # a target is an index into these
CLASSES = ("negative", "positive")

_REVIEW = re.compile(r"aclImdb/(train|test)/(neg|pos|unsup)/(\d+)_\d+\.txt")
_FILMS = re.compile(r"aclImdb/(train|test)/urls_(neg|pos)\.txt")
_FILM = re.compile(r"/title/tt(\d+)")

# By part and label: the text of each review by its number, and the film of each number.
Texts = dict[tuple[str, str], dict[int, bytes]]
Films = dict[tuple[str, str], list[int]]


def load(folder: Path | None) -> Data:
    """Read the reviews, cleaned as the gateway cleans them; each one's group is its film.

    Raises:
        DataNotFound: there is no archive, and none can be fetched.
        DataCorrupt: the archive cannot be read, or reviews or their films are missing in it.
    """
    path = locate(FILE, folder)
    texts, films = _read(path)
    try:
        development, test = (_examples(part, texts, films) for part in ("train", "test"))
    except (KeyError, IndexError, ValueError) as error:
        raise DataCorrupt(
            f"{path} lacks reviews or films ({error!r}): get it again from {FILE.url}"
        ) from error
    reviews = _unlabelled(path, texts)
    unlabelled = _without_copies(reviews, test)
    return Data(
        name="Large Movie Review Dataset v1.0",
        source=FILE.url,
        sha256=sha256(path),
        development=development,
        test=test,
        classes=CLASSES,
        unlabelled={"text": np.array(unlabelled, dtype=object)} if unlabelled else {},
        findings=(_say(path, len(reviews), len(unlabelled)),),
    )


def _read(path: Path) -> tuple[Texts, Films]:
    texts: Texts = {}
    films: Films = {}
    try:
        # As a stream: to extract a hundred thousand small files takes longer than to train.
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                if not (file := archive.extractfile(member)):
                    continue
                if review := _REVIEW.fullmatch(member.name):
                    part, label, number = review.groups()
                    text = clean(file.read().decode()).encode()
                    texts.setdefault((part, label), {})[int(number)] = text
                elif urls := _FILMS.fullmatch(member.name):
                    part, label = urls.groups()
                    films[part, label] = [int(film) for film in _FILM.findall(file.read().decode())]
    except (tarfile.TarError, EOFError, OSError, UnicodeDecodeError) as error:
        raise DataCorrupt(f"{path} is no whole archive ({error}): get it again") from error
    return texts, films


def _examples(part: str, texts: Texts, films: Films) -> Examples:
    """Put the reviews of both labels one after the other, each in the order of its number."""
    numbered = [
        (text, target, films[part, label][number])
        for target, label in enumerate(LABELS)
        for number, text in sorted(texts[part, label].items())
    ]
    texts_in_order, targets, groups = zip(*numbered, strict=True)
    return Examples(
        {"text": np.array(texts_in_order, dtype=object)},
        np.array(targets, dtype=np.int64),
        np.array(groups, dtype=np.int64),
    )


def _unlabelled(path: Path, texts: Texts) -> dict[int, bytes]:
    """Give the unlabelled reviews by their numbers: of this archive, else of the one beside it."""
    beside = path.with_name(UNLABELLED_FILE)
    if ("train", "unsup") not in texts and beside.is_file():
        texts, _ = _read(beside)
    return texts.get(("train", "unsup"), {})


def _without_copies(reviews: dict[int, bytes], test: Examples) -> list[bytes]:
    """Give each text once, in the order of the numbers, less those of the test part.

    To learn the test part's words would flatter its figures, even without the labels.
    """
    in_test = set(test.inputs["text"])
    ordered = (text for _, text in sorted(reviews.items()))
    return list(dict.fromkeys(text for text in ordered if text not in in_test))


def _say(path: Path, num_read: int, num_kept: int) -> DataFinding:
    name, num_copies = "unlabelled reviews", num_read - num_kept
    if num_read:
        message = f"{num_copies:,} of them, copies of test reviews or of one another, are left out"
        return DataFinding(
            name=name,
            severity="note",
            count=num_copies,
            share=num_copies / num_read,
            message=message,
        )
    message = (
        f"neither {path.name} nor a {UNLABELLED_FILE} beside it holds any: what is learned without "
        f"labels is learned from fewer texts, at a loss of accuracy; {FILE.url} has them"
    )
    return DataFinding(name=name, severity="warning", count=0, share=0.0, message=message)
