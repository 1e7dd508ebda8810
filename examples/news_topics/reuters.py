"""Reads Reuters-21578, Distribution 1.0, split as ModApte splits it, with the topics of R90.

Source: D. D. Lewis, "Reuters-21578 Text Categorization Collection, Distribution 1.0", 1997,
<https://archive.ics.uci.edu/dataset/137>. Its owners allow its use for research.
"""

import html
import re
import tarfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from serving.words_left_out import read
from training.data.examples import Data, Examples
from training.data.files import DataFile, locate, sha256
from training.errors import DataCorrupt

from . import NUM_MAIN_TOPICS, NUM_TOPICS

FILE = DataFile(
    url="https://kdd.ics.uci.edu/databases/reuters21578/reuters21578.tar.gz",
    checksum=None,
    names=("reuters21578.tar.gz",),
    own="newswires of your own, as .sgm files in an archive of this name",
)
FEWEST = 15  # newswires with a main topic

_FILE = re.compile(r"(.*/)?reut2-\d+\.sgm")
_NEWSWIRE = re.compile(r'<REUTERS TOPICS="(\w+)" LEWISSPLIT="([\w-]+)".*?>(.*?)</REUTERS>', re.S)
_TOPICS = re.compile(r"<TOPICS>(.*?)</TOPICS>", re.S)
_TEXT = re.compile(r"<TEXT.*?>(.*)</TEXT>", re.S)
_UNSAID = re.compile(r"<(AUTHOR|DATELINE)>.*?</\1>|<[^>]*>", re.S)


class Newswire(NamedTuple):
    """One of the collection; `part` is of ModApte, or else empty."""

    part: str
    topics: list[str]
    text: bytes


def load(folder: Path | None) -> Data:
    """Read the newswires of ModApte; a target is the place of each topic among those named, or 0.

    Raises:
        DataNotFound: there is no such file, and none can be fetched.
        DataCorrupt: the archive cannot be read, or lacks newswires.
    """
    path = locate(FILE, folder)
    newswires = _unpack(path)
    by_part = {
        part: [each for each in newswires if each.part == part] for part in ("TRAIN", "TEST")
    }
    topics = sorted(set.intersection(*map(_topics, by_part.values())))
    mains = Counter(each.topics[0] for each in newswires if each.topics)
    # The main topics come first, so that the network's two answers have them in one place.
    topics.sort(key=lambda topic: mains[topic] < FEWEST)
    num_mains = sum(mains[topic] >= FEWEST for topic in topics)
    if (len(topics), num_mains) != (NUM_TOPICS, NUM_MAIN_TOPICS):
        raise DataCorrupt(
            f"{path} has {len(topics)} topics in both parts, and {num_mains} main ones, instead of "
            f"{NUM_TOPICS} and {NUM_MAIN_TOPICS}: get it again from {FILE.url}"
        )
    return Data(
        name="Reuters-21578, Distribution 1.0",
        source=FILE.url,
        sha256=sha256(path),
        development=_examples(by_part["TRAIN"], topics),
        test=_examples(by_part["TEST"], topics),
        classes=tuple(topics),
    )


def _topics(newswires: list[Newswire]) -> set[str]:
    return {topic for each in newswires for topic in each.topics}


def _unpack(path: Path) -> list[Newswire]:
    try:
        with tarfile.open(path, "r|gz") as archive:
            files = {
                member.name: file.read().decode("latin-1")
                for member in archive
                if _FILE.fullmatch(member.name) and (file := archive.extractfile(member))
            }
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataCorrupt(f"{path} is no whole archive ({error}): get it again") from error
    found = (_NEWSWIRE.finditer(files[name]) for name in sorted(files))
    return [_newswire(*match.groups()) for matches in found for match in matches]


def _newswire(labelled: str, part: str, content: str) -> Newswire:
    topics, text = _TOPICS.search(content), _TEXT.search(content)
    named = list(dict.fromkeys(re.findall(r"<D>(.*?)</D>", topics[1] if topics else "")))
    said = html.unescape(_UNSAID.sub(" ", text[1] if text else ""))
    return Newswire(part if labelled == "YES" else "", named, read(said))


def _examples(newswires: list[Newswire], topics: list[str]) -> Examples:
    known = [each for each in newswires if not set(topics).isdisjoint(each.topics)]
    targets = [
        [each.topics.index(topic) + 1 if topic in each.topics else 0 for topic in topics]
        for each in known
    ]
    texts = np.array([each.text for each in known], dtype=object)
    return Examples({"text": texts}, np.array(targets, np.int64))
