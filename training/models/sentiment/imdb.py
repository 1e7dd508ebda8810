"""Reads the Large Movie Review Dataset: film reviews, positive, negative or without a label.

Source: A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011, pp. 142-150.
"""

import re
import tarfile
from pathlib import Path

import numpy as np

from serving.card import DataFinding
from serving.models.sentiment import MODEL, clean
from training.data import folders
from training.data.examples import Data, Examples
from training.data.files import DataFile, locate, sha256
from training.data.finding import finding
from training.data.texts import decode
from training.errors import DataCorrupt

FILE = DataFile(
    url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    checksum="md5:7c2ac02c03563afcf9b574c7e56c153a",
    names=("aclImdb_v1.tar.gz",),
    own="a folder of .txt files for each class, such as negative/1.txt; or folders train and test, "
    "and validation if you like, that hold such folders; unlabelled texts in one more folder, "
    "unlabelled",
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
    """Read the reviews, or else texts of the user's own, cleaned as the gateway cleans them.

    The group of a review is its film.

    Raises:
        DataNotFound: there are no such files, and none can be fetched.
        DataCorrupt: the archive cannot be read, or reviews or their films are missing in it.
        DataUnfit: the user's own texts are not classes as the model has them.
    """
    return folders.load(folder, FILE, TEXTS) or _load(locate(FILE, folder))


def _read_text(content: bytes) -> bytes:
    if text := clean(decode(content)):
        return text.encode()
    raise ValueError("no visible character in it")


TEXTS = folders.FileKind("sentiment", MODEL, "text", (".txt",), _read_text)


def _load(path: Path) -> Data:
    texts, films = _read(path)
    try:
        development, test = (_examples(part, texts, films) for part in ("train", "test"))
    except (KeyError, IndexError, ValueError) as error:
        raise DataCorrupt(
            f"{path} lacks reviews or films ({error!r}): get it again from {FILE.url}"
        ) from error
    reviews = _unlabelled(path, texts)
    unlabelled = folders.without_copies(reviews, test.inputs["text"])
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


def _unlabelled(path: Path, texts: Texts) -> list[bytes]:
    """Give the unlabelled reviews in the order of their numbers: of this archive or its second."""
    beside = path.with_name(UNLABELLED_FILE)
    if ("train", "unsup") not in texts and beside.is_file():
        texts, _ = _read(beside)
    return [text for _, text in sorted(texts.get(("train", "unsup"), {}).items())]


def _say(path: Path, num_read: int, num_kept: int) -> DataFinding:
    name, num_copies = "unlabelled reviews", num_read - num_kept
    if num_read:
        message = f"{num_copies:,} of them, copies of test reviews or of one another, are left out"
        return finding(name, "note", count=num_copies, total=num_read, message=message)
    message = (
        f"neither {path.name} nor a {UNLABELLED_FILE} beside it holds any: what is learned without "
        f"labels is learned from fewer texts, at a loss of accuracy; {FILE.url} has them"
    )
    return finding(name, "warning", count=0, total=0, message=message)
