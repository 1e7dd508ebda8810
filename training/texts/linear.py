"""Support vector machines on words and word pairs of texts, one for each label.

Source: T. Joachims, "Text Categorization with Support Vector Machines", ECML 1998.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

FEWEST = 2  # texts that have a term
SURE = 2.0  # the answer of a label that all texts have; of one that none has, its negative


@dataclass(frozen=True)
class Machines:
    """What was learned of terms, which are words and pairs of neighbouring words.

    `rarities`, float[term], is what a term counts for in a text that has it once: the more, the
    fewer texts have it. `weights` is float[term, label], `biases` float[label].
    """

    terms: Sequence[str]
    rarities: NDArray[np.float64]
    weights: NDArray[np.float64]
    biases: NDArray[np.float64]


def fit_machines(
    texts: Sequence[str], targets: NDArray[np.bool_], *, most: int | None, strength: float
) -> Machines:
    """Fit them on texts whose words have one space between, and on bool[text, label].

    Of the terms, `most` are kept at most, the most frequent. `strength` is how far the weights may
    move from nothing: the inverse of what their squares cost.
    """
    counted = TfidfVectorizer(
        tokenizer=str.split,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, 2),
        min_df=FEWEST,
        max_features=most,
        sublinear_tf=True,
    )
    seen = counted.fit_transform(texts)  # [text, term]
    always, some = targets.all(axis=0), targets.any(axis=0) & ~targets.all(axis=0)  # [label]
    machines = OneVsRestClassifier(LinearSVC(C=strength)).fit(seen, targets[:, some].astype(int))
    weights = np.zeros((seen.shape[1], targets.shape[1]))
    biases = np.where(always, SURE, -SURE)
    weights[:, some] = np.concatenate([each.coef_ for each in machines.estimators_]).T
    biases[some] = [each.intercept_.item() for each in machines.estimators_]
    return Machines(counted.get_feature_names_out().tolist(), counted.idf_, weights, biases)
