"""New versions without any training: copies of a shipped one with somewhat different weights."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tests import stack

RELATIVE_CHANGE = 0.05


def shipped_version(model: str) -> Path:
    """Give the folder of the newest version that is shipped."""
    versions = (path for path in (stack.SHIPPED_MODELS / model).iterdir() if path.name.isdigit())
    return max(versions, key=lambda path: int(path.name))


def write_version(model: str, number: int, folder: Path) -> Path:
    """Write a version beside its place; `publish_version` makes it one.

    The same number always gets the same weights.
    """
    draft = folder / f"tmp-{number}"
    shutil.copytree(shipped_version(model), draft)
    _change_weights(draft / "variables" / "variables", np.random.default_rng(number))
    return draft


def publish_version(draft: Path) -> Path:
    """Rename a written version to its number, so that servers see all of it or nothing."""
    return draft.rename(draft.with_name(draft.name.removeprefix("tmp-")))


def remove_version(folder: Path, number: int) -> None:
    """Remove a version, if it is there, so that servers see all of it or nothing."""
    if (folder / str(number)).exists():
        shutil.rmtree((folder / str(number)).rename(folder / f"old-{number}"))


def _change_weights(checkpoint: Path, random: np.random.Generator) -> None:
    reader = tf.train.load_checkpoint(str(checkpoint))
    names = sorted(reader.get_variable_to_shape_map())
    tensors = [_changed(reader.get_tensor(name), random) for name in names]
    tf.raw_ops.SaveV2(
        prefix=str(checkpoint), tensor_names=names, shape_and_slices=[""] * len(names),
        tensors=tensors,
    )  # fmt: skip


def _changed(tensor: Any, random: np.random.Generator) -> Any:
    if not isinstance(tensor, np.ndarray) or tensor.dtype != np.float32:
        return tensor  # the object graph, which is a string
    return (tensor * random.normal(1, RELATIVE_CHANGE, tensor.shape)).astype(np.float32)
