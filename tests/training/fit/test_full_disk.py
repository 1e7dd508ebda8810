"""A full disk ends a training with an error that can be told, not with the process."""

import errno
import shutil
from pathlib import Path

import keras
import pytest

from training.fit.checkpoints import Checkpoints
from training.recipe import State


def test_a_checkpoint_that_does_not_fit_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = keras.Sequential([keras.Input([3]), keras.layers.Dense(1)])
    network.compile(keras.optimizers.SGD(), "mse")
    checkpoints = Checkpoints(tmp_path, {})
    usage = shutil.disk_usage(tmp_path)._replace(free=40_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    with pytest.raises(OSError, match="No space left") as caught:
        checkpoints.save(network, State({"loss": [1.0]}, 1.0, finished=False))

    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.rglob("*.h5"))
