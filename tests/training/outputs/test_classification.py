"""Calibration and figures of classifiers, on answers whose figures are known."""

import numpy as np
import pytest
import tensorflow as tf

from serving.class_sets import class_sets
from training.outputs.classification import (
    ClassScores,
    evaluate,
    fit_blend,
    fit_temperature,
    two_classes,
)


def test_scores_are_probabilities_beside_their_classes() -> None:
    outputs = ClassScores(["no", "yes"], temperature=2.0)(tf.constant([[0.0, 2.0], [0.0, 0.0]]))
    assert outputs["classes"].numpy().tolist() == [[b"no", b"yes"]] * 2
    np.testing.assert_allclose(outputs["scores"][0], [0.268941, 0.731059], atol=1e-6)
    np.testing.assert_allclose(outputs["scores"][1], [0.5, 0.5])


def test_the_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = np.array([random.choice(3, p=row) for row in probabilities])
    assert fit_temperature(4 * logits, targets) == pytest.approx(4, rel=0.05)


def test_two_logits_are_weighed_by_what_they_are_worth() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=20_000)
    targets = (random.random(20_000) < 1 / (1 + np.exp(-truth))).astype(int)
    noise = random.normal(size=20_000)
    weights, bias = fit_blend(np.stack([2 * truth + 1, noise], axis=1), targets)
    np.testing.assert_allclose(weights, [0.5, 0.0], atol=0.05)
    assert bias == pytest.approx(-0.5, abs=0.05)


def test_of_log_odds_two_classes_have_the_probabilities() -> None:
    outputs = two_classes(tf.constant([0.0, 2.0]), ["no", "yes"])
    np.testing.assert_allclose(outputs["scores"][:, 1], [0.5, 1 / (1 + np.exp(-2))], rtol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(outputs["scores"], axis=1), 1.0, rtol=1e-6)
    assert outputs["classes"].numpy().tolist() == [[b"no", b"yes"]] * 2


def test_figures_of_known_answers() -> None:
    outputs = {
        "classes": np.array([[b"no", b"yes"]] * 4, dtype=object),
        "scores": np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]], dtype=np.float32),
    }
    evaluation = evaluate(outputs, np.array([0, 1, 1, 1]))
    figures = {metric.name: metric.value for metric in evaluation.metrics}
    assert figures["accuracy"] == 0.75
    assert figures["log_loss"] == pytest.approx(-np.log([0.9, 0.1, 0.8, 0.8]).mean())
    assert figures["expected_calibration_error"] == pytest.approx((0.8 + 0.4) / 4)
    assert evaluation.confusion_matrix == {
        "no": {"no": 1, "yes": 0},
        "yes": {"no": 1, "yes": 2},
    }


def test_sets_of_classes_are_counted_as_they_are_answered() -> None:
    outputs = {
        "classes": np.array([[b"a", b"b", b"c"]] * 4, dtype=object),
        "scores": np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.4, 0.5, 0.1], [0.6, 0.3, 0.1]]),
        # One is at the border; of the last row the most probable class is inside all the same.
        "p_values": np.array(
            [[0.9, 0.3, 0.02], [0.8, 0.08, 0.07], [0.5, 0.9, 0.1], [0.01, 0.01, 0.01]], np.float32
        ),
    }
    targets = np.array([0, 1, 2, 0])

    measured = evaluate(outputs, targets).class_sets

    answered = [row for row in class_sets(outputs, 4) if row]
    for place, each in enumerate(measured):
        sets = [row[place]["labels"] for row in answered]
        inside = ["abc"[target] in labels for target, labels in zip(targets, sets, strict=True)]
        assert each.coverage == answered[0][place]["coverage"]
        assert each.measured == np.mean(inside)
        assert each.mean_size == np.mean([len(labels) for labels in sets])
    at_90, at_95 = measured
    # At 90 %: a b, a, a b c, a. At 95 %: a b, a b c, a b c, a.
    assert (at_90.coverage, at_90.measured, at_90.mean_size) == (0.9, 0.75, 1.75)
    assert (at_95.coverage, at_95.measured, at_95.mean_size) == (0.95, 1.0, 2.25)


def test_a_version_without_p_values_has_no_sets() -> None:
    outputs = {
        "classes": np.array([[b"a", b"b"]] * 2, dtype=object),
        "scores": np.array([[0.7, 0.3]] * 2),
    }
    assert evaluate(outputs, np.array([0, 1])).class_sets == []
