"""What any network over texts must beat: a linear model of words and word pairs, without one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

NAME = "support vector machines on words and word pairs"
NEVER = -10.0  # the answer of a label that no text has: further off than any other


def decide(texts: NDArray[Any], targets: NDArray[Any], asked: NDArray[Any]) -> NDArray[np.float64]:
    """Give float[text, label], above 0 for labels that apply, of the texts that are asked for.

    `targets`, bool[example, label], are those of the texts that are learned from. Source: T.
    Joachims, "Text Categorization with Support Vector Machines", ECML 1998.
    """
    terms = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    known = terms.fit_transform(texts)
    present = targets.any(axis=0)  # [label]
    machines = OneVsRestClassifier(LinearSVC()).fit(known, targets[:, present].astype(int))
    answers = np.full((len(asked), targets.shape[1]), NEVER)
    answers[:, present] = machines.decision_function(terms.transform(asked))
    return answers
