"""Labels of which several may apply: their thresholds, and how they are measured."""

import numpy as np
import pytest

from training.outputs.multi_label import (
    FEW,
    MULTI_LABEL,
    LabelScores,
    choose_thresholds,
    evaluate,
    judge,
)

# Two labels of three examples; targets are ranks, above 0 where a label applies.
TARGETS = np.array([[1, 2], [1, 0], [0, 0]], np.int64)
SCORES = np.array([[0.9, 0.2], [0.8, 0.7], [0.1, 0.3]], np.float32)
NAMES = np.tile(np.array([b"corn", b"wheat"], object), (3, 1))
OUTPUTS = {"classes": NAMES, "scores": SCORES, "thresholds": np.full((3, 2), 0.5, np.float32)}


def test_figures_are_of_all_labels_together_and_of_each_alone() -> None:
    # Of three labels that were said, two apply; of three that apply, two were said.
    figures = evaluate(OUTPUTS, TARGETS).figures

    assert figures["micro_precision"] == pytest.approx(2 / 3)
    assert figures["micro_recall"] == pytest.approx(2 / 3)
    assert figures["micro_f1"] == pytest.approx(2 / 3)
    assert figures["macro_f1"] == pytest.approx((1 + 0) / 2)
    assert MULTI_LABEL.error(figures) == pytest.approx(1 / 3)


def test_no_label_that_applies_and_none_that_is_said_is_no_error_of_arithmetic() -> None:
    outputs = {**OUTPUTS, "scores": np.zeros((3, 2), np.float32)}
    assert evaluate(outputs, np.zeros((3, 2), np.int64)).figures["micro_f1"] == 0


def test_the_worst_answer_is_the_furthest_from_its_thresholds() -> None:
    judgement = judge(OUTPUTS, TARGETS)

    assert judgement.columns["truth"] == ["corn, wheat", "corn", "none"]
    assert judgement.columns["answer"] == ["corn", "corn, wheat", "none"]
    np.testing.assert_allclose(judgement.badness, [0.3, 0.2, 0], rtol=1e-6)


def test_a_label_of_many_examples_has_a_threshold_of_its_own_and_rare_ones_share() -> None:
    number = 4 * FEW
    targets, scores = np.zeros((number, 3), np.int64), np.full((number, 3), 0.05)
    targets[:FEW, 0], scores[:FEW, 0] = 1, 0.3  # applies from 0.3 on
    targets[: 2 * FEW, 1], scores[: 2 * FEW, 1] = 1, 0.9
    scores[2 * FEW :, 1] = 0.6
    targets[0, 2], scores[0, 2] = 1, 0.9

    thresholds = choose_thresholds(scores, targets)

    assert 0.05 < thresholds[0] < 0.3
    assert 0.6 < thresholds[1] < 0.9
    shared = choose_thresholds(scores.reshape(-1, 1), targets.reshape(-1, 1))
    assert thresholds[2] == shared[0]


def test_a_label_that_is_never_seen_needs_to_be_probable() -> None:
    scores, targets = np.full((4, 1), 0.1), np.zeros((4, 1), np.int64)
    assert choose_thresholds(scores, targets).tolist() == [0.5]


def test_the_graph_gives_names_scores_and_thresholds() -> None:
    scores = LabelScores(("corn", "wheat"), np.array([0.25, 0.75], np.float32))

    outputs = {name: each.numpy() for name, each in scores(np.array([[0, 0]], np.float32)).items()}

    assert outputs["classes"].tolist() == [[b"corn", b"wheat"]]
    assert outputs["scores"].tolist() == [[0.5, 0.5]]
    assert outputs["thresholds"].tolist() == [[0.25, 0.75]]
    assert all(len(each) == 0 for each in scores(np.zeros((0, 2), np.float32)).values())
