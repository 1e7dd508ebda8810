"""How far each branch is trusted depends on how long the text is."""

import numpy as np
import pytest

from training.models.sentiment.blend import USUAL_WORDS, Blend, weigh

RANDOM = np.random.default_rng(0)


def test_a_branch_that_knows_nothing_of_short_texts_is_not_trusted_there() -> None:
    num_texts = 40_000
    num_words = RANDOM.choice([4.0, USUAL_WORDS], num_texts)
    truth = RANDOM.normal(size=num_texts)
    targets = (RANDOM.random(num_texts) < 1 / (1 + np.exp(-truth))).astype(int)
    noise = RANDOM.normal(size=num_texts)
    always, when_long = truth, np.where(num_words > 4, truth, noise)
    blend = weigh(np.stack([always, when_long], axis=1), num_words, targets)
    short, usual = blend.of(np.array([4.0, USUAL_WORDS], np.float32)).numpy()
    np.testing.assert_allclose(short, [1, 0], atol=0.06)
    assert usual.sum() == pytest.approx(1, abs=0.06)


def test_the_log_odds_are_the_weighted_sum_of_the_branches() -> None:
    blend = Blend(np.array([[1, 2], [0.5, 0]], np.float32), -1.0)
    branches = np.array([[1, 1], [1, 1]], np.float32)
    num_words = np.array([USUAL_WORDS, (USUAL_WORDS + 1) * np.e - 1], np.float32)
    np.testing.assert_allclose(blend(branches, num_words), [2, 2.5], rtol=1e-5)
