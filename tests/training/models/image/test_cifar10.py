"""Both forms of CIFAR-10 are read; a pickle that wants to run code is not."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.errors import DataCorrupt
from training.models.image import cifar10

WriteArchive = Callable[[Path, Any], None]


def original_batch(labels: list[int]) -> bytes:
    """Make a batch as the original archive has it: planes of red, green and blue, in a row."""
    planes = np.zeros((len(labels), 3, 1024), dtype=np.uint8)
    for row, label in zip(planes, labels, strict=True):
        row[:] = [[label], [100], [200]]
        row[0, 1] = 255  # the second pixel of the first line
    batch = {b"labels": labels, b"data": planes.reshape(len(labels), -1), b"batch_label": b"x"}
    # The original was written by a numpy whose modules had other names.
    return pickle.dumps(batch, protocol=3).replace(b"numpy._core.", b"numpy.core.")


def test_the_original_archive_is_read(archive: WriteArchive, tmp_path: Path) -> None:
    def add_files(add: Any) -> None:
        add("cifar-10-batches-py/batches.meta", b"not read")
        add("cifar-10-batches-py/data_batch_1", original_batch([6, 9]))
        add("cifar-10-batches-py/data_batch_2", original_batch([3]))
        add("cifar-10-batches-py/test_batch", original_batch([8]))

    archive(tmp_path / "cifar-10-python.tar.gz", add_files)
    data = cifar10.load(tmp_path)
    assert data.development.targets.tolist() == [6, 9, 3]
    assert data.test.targets.tolist() == [8]
    pixels = data.test.inputs["pixels"]
    assert pixels.dtype == np.uint8
    assert pixels.shape == (1, 32, 32, 3)
    assert pixels[0, 0, 1].tolist() == [255, 100, 200]
    assert pixels[0, 1, 0].tolist() == [8, 100, 200]
    assert data.name == "CIFAR-10"


def test_a_pickle_that_asks_for_anything_else_is_refused(
    archive: WriteArchive, tmp_path: Path
) -> None:
    content = pickle.dumps(Path("gone").unlink)
    archive(
        tmp_path / "cifar-10-python.tar.gz",
        lambda add: add("cifar-10-batches-py/test_batch", content),
    )
    with pytest.raises(DataCorrupt, match="it asks for"):
        cifar10.load(tmp_path)


def test_jpeg_files_are_decoded_and_named_as_such(data_folder: Path) -> None:
    data = cifar10.load(data_folder)
    assert (len(data.development), len(data.test)) == (200, 50)
    assert "JPEG" in data.name
    ships = data.test.inputs["pixels"][data.test.targets == cifar10.CLASSES.index("ship")]
    assert ships.shape == (5, 32, 32, 3)
    assert ships.mean() == pytest.approx(210, abs=2)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cifar10_images.tar.gz").write_text("<html>404</html>")
    with pytest.raises(DataCorrupt, match="no whole CIFAR-10 archive"):
        cifar10.load(tmp_path)
