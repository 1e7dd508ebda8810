"""Strangers are told by how maps are mixed, and by how little the last layer finds."""

from collections.abc import Mapping

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from training.models.image.likeness import Likeness
from training.models.image.network import EARLY, LAST


def seen(number: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """What a network may see of ordinary pictures: two maps that go together, one never lit."""
    random = np.random.default_rng(seed)
    first = random.normal(5, 1, number)
    early = np.stack([first, 2 * first + random.normal(0, 0.1, number), 0 * first], axis=1)
    last = random.normal(3, 0.3, (number, 6)).clip(0)
    return {EARLY: early.astype(np.float32), LAST: last.astype(np.float32)}


def tensors(rows: Mapping[str, NDArray[np.float32]]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(each) for name, each in rows.items()}


@pytest.fixture(scope="module")
def likeness() -> Likeness:
    return Likeness(
        seen(2_000, 0), {name: tf.constant(rows) for name, rows in seen(500, 1).items()}
    )


def likened(likeness: Likeness, early: list[float] | None, strength: float) -> float:
    ordinary = seen(1, 2)
    rows = {
        EARLY: ordinary[EARLY] if early is None else np.array([early], np.float32),
        LAST: strength * ordinary[LAST],
    }
    return float(likeness(tensors(rows))[0])


def test_a_stranger_is_less_alike_in_either_way(likeness: Likeness) -> None:
    ordinary = likeness(tensors(seen(200, 3))).numpy()
    least = np.quantile(ordinary, 0.05)
    assert likened(likeness, [5, 10, 0], 1) > least
    assert likened(likeness, [5, 8, 0], 1) < least  # each is ordinary, both together are not
    assert likened(likeness, [5, 10, 3], 1) < least  # what was never lit is
    assert likened(likeness, [5, 10, 0], 0.5) < least
    assert likened(likeness, [5, 8, 0], 0.5) < likened(likeness, [5, 8, 0], 1)


def test_maps_that_say_nothing_stand_in_nobodys_way() -> None:
    dark = {name: np.zeros_like(rows) for name, rows in seen(50, 0).items()}
    assert np.isfinite(Likeness(dark, tensors(dark))(tensors(dark))).all()
