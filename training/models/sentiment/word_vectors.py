"""Learns what words have in common from the company they keep, without any label.

Source: O. Levy, Y. Goldberg, I. Dagan, "Improving Distributional Similarity with Lessons Learned
from Word Embeddings", TACL 3 (2015): positive pointwise mutual information, then its largest
singular vectors.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from sklearn.utils.extmath import randomized_svd

WINDOW = 5  # words to either side
CONTEXT_EXPONENT = 0.75  # below 1, so that rare neighbours do not look significant


def word_vectors(
    tokens: NDArray[Any], texts: NDArray[Any], *, num_tokens: int, units: int
) -> NDArray[np.float32]:
    """Give a vector of mean square 1 for each token, float32[token, unit].

    `tokens` is int[word], the words of all texts one after the other, and `texts` is int[word], the
    text that each word is in.
    """
    weights = _mutual_information(_neighbours(tokens, texts, num_tokens))  # [token, token]
    directions, strengths, _ = randomized_svd(weights, units, random_state=0)
    # directions are [token, unit], strengths [unit]
    vectors: NDArray[np.float32] = (directions * np.sqrt(strengths)).astype(np.float32)
    vectors /= np.maximum(np.sqrt(np.mean(vectors**2, axis=1, keepdims=True)), 1e-6)
    return vectors


def _neighbours(tokens: NDArray[Any], texts: NDArray[Any], num_tokens: int) -> csr_matrix:
    """Count how often each two tokens stand close to each other, near ones counting more."""
    total = csr_matrix((num_tokens, num_tokens), dtype=np.float32)
    for distance in range(1, WINDOW + 1):
        together = texts[distance:] == texts[:-distance]
        pairs = tokens[distance:][together], tokens[:-distance][together]
        counts = np.full(len(pairs[0]), 1 / distance, dtype=np.float32)
        total += coo_matrix((counts, pairs), shape=total.shape).tocsr()
    return total + total.T


def _mutual_information(counts: csr_matrix) -> csr_matrix:
    """Give max(0, log(p(word, neighbour) / p(word) p(neighbour))) in place of each count."""
    words = np.asarray(counts.sum(axis=1)).ravel()
    neighbours = words**CONTEXT_EXPONENT
    pairs = counts.tocoo()
    expected = words[pairs.row] * neighbours[pairs.col] / neighbours.sum()
    information = np.maximum(0, np.log(pairs.data / expected))
    return csr_matrix((information, (pairs.row, pairs.col)), shape=counts.shape)
