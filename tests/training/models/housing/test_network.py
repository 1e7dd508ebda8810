"""Neighbours weigh by their scores, and fade out towards the farthest of them."""

import numpy as np
import pytest

from training.models.housing.network import FadingSoftmax

RANDOM = np.random.default_rng(0)
SCORES = RANDOM.normal(size=(3, 5, 2)).astype(np.float32)  # [batch, neighbour, head]
DISTANCES = np.array([0.1, 0.2, 0.4, 0.6, 0.9], np.float32)[None, :, None].repeat(3, axis=0)


def test_weights_sum_to_one_and_the_farthest_weighs_nothing() -> None:
    weights = FadingSoftmax()(SCORES, DISTANCES).numpy()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    assert (weights[:, :-1] > 0).all()
    assert weights[:, -1].max() < 1e-3


def test_among_the_equally_near_the_score_decides_as_in_a_softmax() -> None:
    near = np.where(np.arange(5) < 4, 0.0, 1.0).astype(np.float32)[None, :, None]
    weights = FadingSoftmax()(SCORES, near.repeat(3, axis=0)).numpy()
    expected = np.exp(SCORES[:, :4]) / np.exp(SCORES[:, :4]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(weights[:, :4], expected, atol=1e-3)


@pytest.mark.parametrize("distance", [-3.0, 0.0, 9.0])
def test_where_all_are_equally_far_scores_alone_decide(distance: float) -> None:
    weights = FadingSoftmax()(SCORES, np.full_like(DISTANCES, distance)).numpy()
    expected = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(weights, expected, rtol=1e-4)
