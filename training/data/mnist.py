"""Reads MNIST and the sets that are published as it is: four IDX files, or Keras' copy of them.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
"""

import gzip
import math
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.examples import Examples
from training.errors import DataCorrupt

_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
_UNREADABLE = tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError

Arrays = Mapping[str, NDArray[np.uint8]]


def read(path: Path, num_classes: int) -> tuple[Examples, Examples]:
    """Read both parts, training and test, of pictures uint8[example, 28, 28] as `pixels`.

    The file is an archive with the four files in any folder, or one of numpy's with four arrays.

    Raises:
        DataCorrupt: it cannot be read, or holds something else.
    """
    try:
        arrays = _of_keras(path) if path.suffix == ".npz" else _of_archive(path)
        train, test = (_examples(arrays, part, num_classes) for part in ("train", "test"))
    except (*_UNREADABLE, KeyError, ValueError) as error:
        message = f"{path} is no whole copy of its data ({error!r}): get it again"
        raise DataCorrupt(message) from error
    return train, test


def _of_keras(path: Path) -> Arrays:
    with np.load(path) as file:
        return {name: file[name] for name in _FILES}


def _of_archive(path: Path) -> Arrays:
    with tarfile.open(path) as archive:
        found = {Path(each.name).name: each for each in archive if each.isfile()}
        return {
            name: _array(gzip.decompress(file.read()))
            for name, member in _FILES.items()
            if (file := archive.extractfile(found[member]))
        }


def _array(content: bytes) -> NDArray[np.uint8]:
    """Take an IDX file apart: two zeros, 8 for bytes, how many sizes there are, sizes, values."""
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError("a file does not begin as IDX files of bytes do")
    start = 4 + 4 * content[3]
    shape = struct.unpack(f">{content[3]}I", content[4:start].ljust(start - 4, b"\0"))
    if len(content) - start != math.prod(shape):
        raise ValueError(f"a file holds {len(content) - start} values, and speaks of {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _examples(arrays: Arrays, part: str, num_classes: int) -> Examples:
    pictures, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    if pictures.shape != (len(labels), 28, 28) or labels.max(initial=0) >= num_classes:
        raise ValueError(f"pictures are {pictures.shape}, labels {labels.shape}")
    return Examples({"pixels": pictures}, labels.astype(np.int64))
