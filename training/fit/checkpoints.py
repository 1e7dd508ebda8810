"""Keeps the state of one training on disk, so that an interruption costs no more than an epoch.

A checkpoint is a folder of its own, and a link is turned to it once it is written: a process that
is killed while it writes leaves the one before.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from serving.contract import Tensors
from training.recipe import State

BYTES_PER_NUMBER = 4
OVERHEAD = 1_000_000  # of HDF5, and of what stands beside the weights


def checksum(tensors: Tensors) -> str:
    """Give the SHA-256 of the contents, row by row."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        for row in tensors[name]:
            content = bytes(row)
            digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _check_room(folder: Path, network: keras.Model) -> None:
    """See that a checkpoint fits: HDF5 does not survive a disk that is full."""
    numbers = sum(int(np.prod(each.shape)) for each in network.variables)
    numbers += sum(int(np.prod(each.shape)) for each in network.optimizer.variables)
    if shutil.disk_usage(folder).free < OVERHEAD + BYTES_PER_NUMBER * numbers:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


class Checkpoints:
    """The newest state of one training: its weights, its optimizer's, and its `State`."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Take the place that belongs to `identity`, which tells this training from all others."""
        text = json.dumps(identity, sort_keys=True)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:12]
        self._identity = text
        self._newest = self.folder / "newest"

    def clear(self) -> None:
        """Forget what an earlier training left."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def restore(self, network: keras.Model) -> State:
        """Put the newest weights into a compiled network, if there are any, and give the state."""
        if not self._newest.exists():
            return State({}, 0.0, finished=False)
        network.optimizer.build(network.trainable_variables)
        network.load_weights(self._newest / "network.weights.h5")
        return State(**json.loads((self._newest / "state.json").read_text()))

    def save(self, network: keras.Model, state: State) -> None:
        """Put this state in the place of the one before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _check_room(self.folder, network)
        (self.folder / "identity.json").write_text(self._identity)
        draft = self.folder / f"epoch-{state.epochs}{'-finished' * state.finished}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        network.save_weights(draft / "network.weights.h5")
        (draft / "state.json").write_text(json.dumps(vars(state)))
        self._point_to(draft)

    def _point_to(self, draft: Path) -> None:
        """Let the link `newest` name this folder: a link can be replaced in one step."""
        link = self.folder / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(draft.name)
        before = self._newest.resolve() if self._newest.exists() else None
        link.rename(self._newest)
        if before is not None and before != draft.resolve():
            shutil.rmtree(before)
