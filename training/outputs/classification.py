"""Turns a network's logits into calibrated class probabilities, and measures such answers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from serving.card import ClassSet, ConfidenceBin, Metric
from serving.class_sets import COVERAGES, P_VALUES
from serving.contract import Tensors
from training.outputs.evaluation import Evaluation, standard_error
from training.outputs.judgement import Judgement
from training.outputs.kind import OutputKind

CALIBRATION_BINS = 15


class ClassScores(tf.Module):
    """Classes with their probabilities, from logits float32[batch, class]."""

    def __init__(self, classes: Sequence[str], temperature: float) -> None:
        super().__init__()
        self.classes = classes
        self.temperature = temperature

    def __call__(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Give the signature's outputs, each [batch, class]."""
        return with_classes(tf.nn.softmax(logits / self.temperature), self.classes)


def two_classes(logit: tf.Tensor, classes: Sequence[str]) -> dict[str, tf.Tensor]:
    """Give the signature's outputs, [batch, 2] each, for log-odds of the second class, [batch]."""
    return with_classes(tf.sigmoid(tf.stack([-logit, logit], axis=1)), classes)


def with_classes(scores: tf.Tensor, classes: Sequence[str]) -> dict[str, tf.Tensor]:
    """Give scores, [batch, class], with the name of each."""
    num_rows = tf.shape(scores)[0]
    names = tf.broadcast_to(tf.constant(list(classes)), [num_rows, len(classes)])  # as scores
    return {"classes": tf.ensure_shape(names, [None, len(classes)]), "scores": scores}


def fit_blend(logits: NDArray[Any], targets: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Give weights, float32[n], and a bias by which several logits become one that is calibrated.

    `logits` is float[example, n], of examples that none of them was fitted on; `targets` are 0 or
    1. Source: J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    """
    blend = LogisticRegression(C=np.inf).fit(logits, targets)
    return blend.coef_[0].astype(np.float32), float(blend.intercept_[0])


def fit_temperature(logits: NDArray[Any], targets: NDArray[np.int64]) -> float:
    """Give the number to divide logits by, so that probabilities are as often right as they say.

    `logits` is float[example, class], of examples that the network was not fitted on.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """

    def log_loss(log_temperature: float) -> float:
        scores = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scores[np.arange(len(targets)), targets].mean())

    return float(np.exp(minimize_scalar(log_loss, bounds=(-3, 3), method="bounded").x))


def evaluate(outputs: Tensors, targets: NDArray[np.int64]) -> Evaluation:
    """Compare scores float32[example, class] with the true classes, int64[example]."""
    scores = outputs["scores"].astype(np.float64)
    predicted, confidence = scores.argmax(axis=1), scores.max(axis=1)  # [example] each
    right = predicted == targets
    surprise = -np.log(np.maximum(scores[np.arange(len(targets)), targets], 1e-12))
    bins = _reliability(confidence, right)
    metrics = [
        Metric(
            name="accuracy",
            value=float(right.mean()),
            unit="1",
            definition="share of examples whose most probable class is the true one",
            standard_error=standard_error(right),
        ),
        Metric(
            name="log_loss",
            value=float(surprise.mean()),
            unit="nat",
            definition="mean negative logarithm of the probability given to the true class",
            standard_error=standard_error(surprise),
        ),
        Metric(
            name="expected_calibration_error",
            value=sum(abs(bin_.confidence - bin_.accuracy) * bin_.count for bin_ in bins)
            / len(right),
            unit="1",
            definition="mean difference of confidence and accuracy over "
            f"{CALIBRATION_BINS} bins of equal width, weighted by their examples",
        ),
    ]
    labels = [label.decode() for label in outputs["classes"][0]]
    return Evaluation(
        metrics,
        confusion_matrix=_confusion(labels, targets, predicted),
        reliability=bins,
        class_sets=[_class_set(outputs, targets, each) for each in COVERAGES]
        if P_VALUES in outputs
        else [],
    )


def _class_set(outputs: Tensors, targets: NDArray[np.int64], coverage: float) -> ClassSet:
    """Measure the sets of classes with this coverage, of which the most probable is always one."""
    rows = np.arange(len(targets))
    inside = outputs[P_VALUES].astype(np.float64) > 1 - coverage  # [example, class]
    inside[rows, outputs["scores"].argmax(axis=1)] = True
    return ClassSet(
        coverage=coverage,
        measured=float(inside[rows, targets].mean()),
        mean_size=float(inside.sum(axis=1).mean()),
    )


def _reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[ConfidenceBin]:
    """Sum up the answers by their confidence, leaving out bins that hold none."""
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return [
        ConfidenceBin(
            confidence=float(confidence[bins == bin_].mean()),
            accuracy=float(right[bins == bin_].mean()),
            count=int((bins == bin_).sum()),
        )
        for bin_ in np.unique(bins)
    ]


def _confusion(
    labels: list[str], targets: NDArray[np.int64], predicted: NDArray[np.int64]
) -> dict[str, dict[str, int]]:
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(counts, (targets, predicted), 1)
    return {
        truth: dict(zip(labels, map(int, row), strict=True))
        for truth, row in zip(labels, counts, strict=True)
    }


def judge(outputs: Tensors, targets: NDArray[np.int64]) -> Judgement:
    """Find an answer the worse, the surer it is of a wrong class."""
    scores = outputs["scores"].astype(np.float64)
    labels = [label.decode() for label in outputs["classes"][0]]
    predicted, confidence = scores.argmax(axis=1), scores.max(axis=1)
    columns = {
        "truth": [labels[target] for target in targets],
        "answer": [labels[index] for index in predicted],
        "its score": [f"{score:.3f}" for score in confidence],
    }
    return Judgement(columns, np.where(predicted == targets, 0.0, confidence))


CLASSIFICATION = OutputKind(
    has_classes=True,
    evaluate=evaluate,
    judge=judge,
    error=lambda figures: 1 - figures["accuracy"],
    error_name="share of wrong answers",
)
