"""Words that stand among the same words get similar vectors."""

import numpy as np

from training.models.sentiment.word_vectors import word_vectors


def test_words_with_the_same_neighbours_are_alike() -> None:
    random = np.random.default_rng(0)
    food, tools = range(2, 8), range(8, 14)
    texts = [random.choice(topic, size=12) for _ in range(200) for topic in (food, tools)]
    tokens = np.concatenate(texts)
    text_of_token = np.repeat(np.arange(len(texts)), 12)
    vectors = word_vectors(tokens, text_of_token, num_tokens=14, units=2)
    np.testing.assert_allclose(np.mean(vectors[2:] ** 2, axis=1), 1, rtol=1e-5)
    similarity = vectors @ vectors.T / 2
    assert similarity[2:8, 2:8].min() > 0.9
    assert similarity[2:8, 8:14].max() < 0.1
