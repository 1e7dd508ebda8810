"""Turns logits into scores of labels, several of which may apply, and measures such answers.

A target is a row of int64[label]: 0 where a label does not apply, else its place among those that
do, from 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_recall_curve, precision_score, recall_score

from serving.card import Metric
from serving.contract import Tensors
from training.outputs.classification import with_classes
from training.outputs.evaluation import Evaluation
from training.outputs.judgement import Judgement
from training.outputs.kind import OutputKind

FEW = 50  # examples of a label, of which no threshold of its own can be learned
NUM_RESAMPLES = 200
MOST_NAMED = 5  # labels of an example, in a table


class LabelScores(tf.Module):
    """Labels with their probabilities and thresholds, from logits float32[batch, label]."""

    def __init__(self, classes: Sequence[str], thresholds: NDArray[np.float32]) -> None:
        """Take the thresholds of the probabilities, float32[label]."""
        super().__init__()
        self.classes = classes
        self.thresholds = thresholds

    def __call__(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Give the signature's outputs, each [batch, label]."""
        scores = tf.sigmoid(logits)
        thresholds = tf.zeros_like(scores) + self.thresholds
        return {**with_classes(scores, self.classes), "thresholds": thresholds}


def choose_thresholds(scores: NDArray[Any], targets: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give the threshold of each label, float32[label], from which on it is said to apply.

    That with the highest F1 on examples that the network was not fitted on, float[example, label];
    labels that few of them have share one. Source: Y. Yang, "A Study of Thresholding Strategies for
    Text Categorization", SIGIR 2001.
    """
    applies = targets > 0
    shared = _best_threshold(scores.ravel(), applies.ravel())
    return np.array(
        [
            _best_threshold(scores[:, label], applies[:, label])
            if applies[:, label].sum() >= FEW
            else shared
            for label in range(targets.shape[1])
        ],
        np.float32,
    )


def _best_threshold(scores: NDArray[Any], applies: NDArray[np.bool_]) -> float:
    if not applies.any():
        return 0.5
    precision, recall, thresholds = precision_recall_curve(applies, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)  # [threshold + 1]
    best = int(f1[:-1].argmax())
    below = thresholds[best - 1] if best else 0.0
    return float((below + thresholds[best]) / 2)  # halfway to the next score that is not taken


def evaluate(outputs: Tensors, targets: NDArray[np.int64]) -> Evaluation:
    """Compare the labels whose scores reach their thresholds with those that apply."""
    said, applies = outputs["scores"] >= outputs["thresholds"], targets > 0  # [example, label]
    micro = {
        "micro_precision": (precision_score, "share of the labels that were said which do apply"),
        "micro_recall": (recall_score, "share of the labels that apply which were said"),
    }
    metrics = [
        Metric(
            name="micro_f1",
            value=_micro_f1(said, applies),
            unit="1",
            definition="harmonic mean of precision and recall, of all labels of all examples",
            standard_error=_spread(said, applies),
        ),
        *(
            Metric(
                name=name,
                value=float(measure(applies, said, average="micro", zero_division=0)),
                unit="1",
                definition=definition,
            )
            for name, (measure, definition) in micro.items()
        ),
        Metric(
            name="macro_f1",
            value=float(f1_score(applies, said, average="macro", zero_division=0)),
            unit="1",
            definition="mean over the labels of the harmonic mean of precision and recall; 0 for a "
            "label that was never said rightly",
        ),
    ]
    return Evaluation(metrics)


def _micro_f1(said: NDArray[np.bool_], applies: NDArray[np.bool_]) -> float:
    total = said.sum() + applies.sum()
    return float(2 * (said & applies).sum() / max(total, 1))


def _spread(said: NDArray[np.bool_], applies: NDArray[np.bool_]) -> float:
    """Give how far the figure would scatter for other examples: B. Efron's bootstrap, 1979."""
    random = np.random.default_rng(0)
    right, total = (said & applies).sum(axis=1), said.sum(axis=1) + applies.sum(axis=1)  # [example]
    rows = random.integers(0, len(said), (NUM_RESAMPLES, len(said)))
    return float(np.std(2 * right[rows].sum(axis=1) / np.maximum(total[rows].sum(axis=1), 1)))


def judge(outputs: Tensors, targets: NDArray[np.int64]) -> Judgement:
    """Find an answer the worse, the further wrong labels are from their thresholds."""
    said, applies = outputs["scores"] >= outputs["thresholds"], targets > 0
    labels = [label.decode() for label in outputs["classes"][0]]
    distance = np.abs(outputs["scores"].astype(np.float64) - outputs["thresholds"])
    columns = {"truth": _named(applies, labels), "answer": _named(said, labels)}
    return Judgement(columns, np.where(said != applies, distance, 0.0).sum(axis=1))


def _named(which: NDArray[np.bool_], labels: list[str]) -> list[str]:
    rows = ([labels[label] for label in np.flatnonzero(row)] for row in which)
    return [", ".join(row[:MOST_NAMED]) or "none" for row in rows]


MULTI_LABEL = OutputKind(
    has_classes=True,
    evaluate=evaluate,
    judge=judge,
    error=lambda figures: 1 - figures["micro_f1"],
    error_name="1 - F1 of all labels",
)
