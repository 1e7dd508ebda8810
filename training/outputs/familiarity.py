"""Measures how well strangers are told from the test part; knows no kind of input."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from serving.card import Familiarity, Strangers
from serving.contract import Tensors
from serving.familiarity import FAMILIARITY, THRESHOLD


def measure_familiarity(
    method: str, answers: Tensors, strangers: Mapping[str, Tensors]
) -> Familiarity | None:
    """Compare the answers to the test part with those to strangers; None if none tells."""
    if FAMILIARITY not in answers:
        return None
    return Familiarity(
        method=method,
        threshold=THRESHOLD,
        false_alarms=float(np.mean(answers[FAMILIARITY] < THRESHOLD)),
        strangers=[_compare(name, answers, others) for name, others in strangers.items()],
    )


def _compare(name: str, answers: Tensors, others: Tensors) -> Strangers:
    familiar, strange = answers[FAMILIARITY], others[FAMILIARITY]
    return Strangers(
        name=name,
        count=len(strange),
        noticed=float(np.mean(strange < THRESHOLD)),
        auroc=_auroc(familiar, strange),
        auroc_of_confidence=_auroc(_confidence(answers), _confidence(others))
        if "scores" in answers
        else None,
    )


def _confidence(answers: Tensors) -> NDArray[np.float32]:
    confidence: NDArray[np.float32] = answers["scores"].max(axis=1)
    return confidence


def _auroc(familiar: NDArray[np.float32], strange: NDArray[np.float32]) -> float:
    """Give how probable it is that one of the first is above one of the second."""
    is_familiar = np.repeat([True, False], [len(familiar), len(strange)])
    return float(roc_auc_score(is_familiar, np.concatenate([familiar, strange])))
