"""Answers fall into bins: labels into their own, numbers into tenths."""

import math

import numpy as np
import pytest

from serving.gateway.releases.answer_bins import AnswerBins


def test_a_label_has_the_same_bin_every_time() -> None:
    bins = AnswerBins()

    counts = bins.count([["cat", "dog", "cat", "cat"], ["dog"]])

    assert sorted(counts[counts > 0]) == [0.75, 1.25]
    assert bins.label_shares(counts) == {"cat": 0.375, "dog": 0.625}


def test_labels_beyond_the_fiftieth_share_a_bin() -> None:
    bins = AnswerBins()
    bins.count([list(range(50))])

    counts = bins.count([[49, 50, 51, 1000]])

    assert bins.label_shares(counts) == {"49": 0.25, "(others)": 0.75}


def test_numbers_fall_into_tenths_of_those_learned_from() -> None:
    bins = AnswerBins()
    assert not bins.can_place([1.0])
    bins.learn([float(each) for each in range(1001)])
    assert bins.can_place([1.0])

    counts = bins.count([[float(each) for each in range(1001)]])

    assert np.allclose(counts[counts > 0], 0.1, atol=0.001)
    assert (counts > 0).sum() == 10
    assert (bins.count([[-1e9]]) > 0).argmax() == (bins.count([[0.0]]) > 0).argmax()


def test_a_frequent_number_is_one_bin() -> None:
    bins = AnswerBins()
    bins.learn([0.0] * 500 + [float(each) for each in range(1, 501)])

    counts = bins.count([[0.0] * 5 + [50.0, 499.0]])

    assert sorted(counts[counts > 0]) == pytest.approx([1 / 7, 1 / 7, 5 / 7])


def test_what_is_not_finite_is_apart_and_learned_from_by_nobody() -> None:
    bins = AnswerBins()
    bins.learn([math.nan, math.inf, 1.0, 2.0, 3.0])

    odd = bins.count([[math.nan, math.inf, -math.inf]])

    assert odd.max() == 1
    assert odd.argmax() not in {bins.count([[each]]).argmax() for each in (0.5, 2.5, 1e9)}
    assert bins.label_shares(odd) == {}


def test_numbers_that_are_all_odd_are_learned_from_too() -> None:
    bins = AnswerBins()
    bins.learn([math.nan] * 200)

    assert bins.count([[math.nan]]).sum() == 1
