"""Each bound against exact probabilities, and what a bound must be whatever was counted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from serving.gateway.releases.bounds import (
    EDGES,
    STEP,
    Counts,
    Share,
    SquaredErrors,
    difference_at_least,
    evidence_of_two,
    least_for_p99,
    p99_ratio_at_least,
    psi,
    psi_at_least,
    rmse_ratio_at_least,
    share_at_least,
)

LEVEL = 1e-7
CLOSE = 1e-7  # of the halvings


@st.composite
def shares(draw: st.DrawFn) -> Share:
    num = draw(st.integers(1, 10_000))
    return Share(draw(st.integers(0, num)), num)


def in_bins(seconds: Counts) -> Counts:
    return np.bincount(np.searchsorted(EDGES, seconds), minlength=len(EDGES) + 1).astype(float)


def squared(errors: Counts) -> SquaredErrors:
    return SquaredErrors(len(errors), float(np.sum(errors**2)), float(np.sum(errors**4)))


@pytest.mark.parametrize("num", [1, 30, 100, 2000])
@pytest.mark.parametrize("truth", [0.001, 0.01, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("level", [0.05, 1e-3, LEVEL])
def test_a_share_is_called_greater_than_it_is_less_often_than_its_level(
    num: int, truth: float, level: float
) -> None:
    high = [k for k in range(num + 1) if share_at_least(Share(k, num), level) > truth + CLOSE]

    assert sum(stats.binom.pmf(high, num, truth)) <= level


def test_wilsons_bound_is_not_used_as_it_is_wrong_for_rare_failures() -> None:
    score = (0.07 - 0.01) / math.sqrt(0.01 * 0.99 / 100)

    assert stats.norm.sf(score) < LEVEL  # so Wilson's lower bound of 7 in 100 is above 1 %
    assert stats.binom.sf(6, 100, 0.01) > 700 * LEVEL
    assert share_at_least(Share(7, 100), LEVEL) < 0.01


def test_the_bound_of_a_share_of_all_is_known_in_closed_form() -> None:
    assert share_at_least(Share(100, 100), LEVEL) == pytest.approx(LEVEL ** (1 / 100), abs=CLOSE)
    assert share_at_least(Share(0, 100), LEVEL) == 0
    assert share_at_least(Share(1, 1), LEVEL) == pytest.approx(LEVEL, abs=CLOSE)


def test_values_between_0_and_1_count_as_their_sum() -> None:
    """Half of the rows of each of 200 requests is as much as all of every other request."""
    assert share_at_least(Share(200 * 0.5, 200), LEVEL) == share_at_least(Share(100, 200), LEVEL)


@pytest.mark.parametrize("level", [0.05, 1e-4, LEVEL])
def test_the_evidence_of_two_sides_has_the_tail_of_a_gamma_distribution(level: float) -> None:
    assert evidence_of_two(level) == pytest.approx(stats.gamma.isf(level, 2))


@pytest.mark.parametrize(("ours", "theirs"), [(40, 40), (30, 60), (60, 20)])
@pytest.mark.parametrize("truth", [0.0, 0.01, 0.5])
@pytest.mark.parametrize("limit", [0.0, 0.1])
def test_a_difference_is_called_greater_than_it_is_less_often_than_its_level(
    ours: int, theirs: int, truth: float, limit: float
) -> None:
    level = 0.01
    often = 0.0
    for one in range(ours + 1):
        for other in range(theirs + 1):
            at_once = binomial(one, ours, truth + limit) * binomial(other, theirs, truth)
            if at_once < 1e-7:
                continue
            bound = difference_at_least(Share(one, ours), Share(other, theirs), level)
            often += at_once * (bound > limit + CLOSE)

    assert often <= level


def binomial(count: int, num: int, truth: float) -> float:
    return math.comb(num, count) * truth**count * (1 - truth) ** (num - count)


def test_a_difference_from_a_well_known_share_is_nearly_as_sure_as_that_share() -> None:
    known = Share(0, 10**9)
    bound = difference_at_least(Share(60, 1000), known, LEVEL)

    assert 0.8 * share_at_least(Share(60, 1000), LEVEL) < bound
    assert bound < share_at_least(Share(60, 1000), LEVEL)


@given(shares(), shares())
def test_a_bound_is_not_above_what_was_counted(share: Share, other: Share) -> None:
    assert 0 <= share_at_least(share, LEVEL) <= share.mean
    assert 0 <= difference_at_least(share, other, LEVEL) <= max(0, share.mean - other.mean)


@given(shares(), shares())
def test_a_bound_does_not_fall_when_more_failed(share: Share, other: Share) -> None:
    more = Share(min(share.total + 1, share.of), share.of)

    assert share_at_least(more, LEVEL) >= share_at_least(share, LEVEL)
    assert (
        difference_at_least(more, other, LEVEL)
        >= difference_at_least(share, other, LEVEL) - 2 * CLOSE
    )


@given(shares(), shares())
def test_a_bound_does_not_rise_when_more_of_the_other_failed(share: Share, other: Share) -> None:
    more = Share(min(other.total + 1, other.of), other.of)

    assert (
        difference_at_least(share, more, LEVEL)
        <= difference_at_least(share, other, LEVEL) + 2 * CLOSE
    )


@given(shares(), shares())
def test_a_bound_comes_closer_with_more_of_the_same(share: Share, other: Share) -> None:
    twice, other_twice = (Share(2 * each.total, 2 * each.of) for each in (share, other))

    assert share_at_least(twice, LEVEL) >= share_at_least(share, LEVEL)
    assert (
        difference_at_least(twice, other_twice, LEVEL)
        >= difference_at_least(share, other, LEVEL) - 2 * CLOSE
    )


@given(shares(), shares())
def test_a_bound_that_is_surer_is_lower(share: Share, other: Share) -> None:
    assert share_at_least(share, LEVEL / 10) <= share_at_least(share, LEVEL)
    assert (
        difference_at_least(share, other, LEVEL / 10)
        <= difference_at_least(share, other, LEVEL) + 2 * CLOSE
    )


def test_a_ratio_of_p99_is_found_to_the_width_of_a_bin() -> None:
    seconds = np.random.default_rng(1).lognormal(-4, 0.5, 1_000_000)

    bound = p99_ratio_at_least(in_bins(seconds * 3), in_bins(seconds), LEVEL)

    assert 3 / 1.1 < bound <= 3


def test_a_ratio_of_p99_is_called_greater_than_it_is_less_often_than_its_level() -> None:
    generator = np.random.default_rng(1)
    limit, level, runs = STEP**20, 0.05, 600
    wrong = sum(
        p99_ratio_at_least(
            in_bins(generator.pareto(2, 400) * limit), in_bins(generator.pareto(2, 2000)), level
        )
        > limit
        for _ in range(runs)
    )

    assert wrong <= level * runs


def test_two_sides_as_quick_as_each_other_have_no_sure_ratio() -> None:
    seconds = in_bins(np.full(5000, 0.01))

    assert p99_ratio_at_least(seconds, seconds, LEVEL) == 0


def test_a_slower_body_is_no_slower_p99() -> None:
    """Both have the same slowest two percent; below them one takes ten times as long."""
    slowest = np.full(200, 5.0)
    slow, quick = np.full(9800, 0.1), np.full(9800, 0.01)

    ratio = p99_ratio_at_least(
        in_bins(np.append(slow, slowest)), in_bins(np.append(quick, slowest)), LEVEL
    )

    assert ratio == 0


def test_no_ratio_of_p99_is_sure_of_fewer_than_the_least() -> None:
    least = least_for_p99(LEVEL)
    slow = in_bins(np.full(100_000, 10.0))

    assert p99_ratio_at_least(slow, in_bins(np.full(least - 1, 0.01)), LEVEL) == 0
    assert p99_ratio_at_least(slow, in_bins(np.full(least, 0.01)), LEVEL) > 900


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e9, math.inf])
def test_seconds_beyond_the_bins_are_counted(seconds: float) -> None:
    counts = in_bins(np.full(5000, seconds))

    assert counts.sum() == 5000
    assert p99_ratio_at_least(counts, counts, LEVEL) == 0


def test_the_population_stability_index_is_that_of_the_definition() -> None:
    ours, theirs = np.array([3e6, 5e6, 2e6]), np.array([2e6, 5e6, 3e6])

    assert psi(ours, theirs) == pytest.approx(
        0.1 * math.log(3 / 2) - 0.1 * math.log(2 / 3), rel=1e-4
    )


def test_bins_that_nobody_fills_do_not_drift() -> None:
    ours, theirs = np.zeros(62), np.zeros(62)
    ours[:2], theirs[:2] = (60, 40), (60_000, 40_000)

    assert psi(ours, theirs) < 0.001


@pytest.mark.parametrize("shift", [0.1, 0.3, 0.8])
@pytest.mark.parametrize("num", [500, 20_000])
def test_an_index_above_the_bound_is_as_rare_as_a_noncentral_chi_square(
    shift: float, num: int
) -> None:
    """The bound's own noncentrality gives what was counted with at most the level."""
    theirs = np.full(10, 1000.0)
    ours = num * np.exp(shift * np.linspace(-2, 2, 10))
    ours *= num / ours.sum()
    noise = 1 / ours.sum() + 1 / theirs.sum()

    bound = psi_at_least(ours, theirs, LEVEL)

    assert 0 <= bound < psi(ours, theirs)
    if bound:
        tail = stats.ncx2.sf(psi(ours, theirs) / noise, 9, bound / noise)
        assert LEVEL / 1000 < tail <= LEVEL


@pytest.mark.parametrize(("ours", "theirs"), [(100, 100), (100, 10_000), (2000, 2000)])
def test_an_index_without_drift_is_hardly_ever_above_nothing(ours: int, theirs: int) -> None:
    generator = np.random.default_rng(1)
    truth, level, runs = generator.dirichlet(np.full(10, 2.0)), 0.01, 1000
    sides = ((generator.multinomial(n, truth, runs)).astype(float) for n in (ours, theirs))
    wrong = sum(psi_at_least(one, other, level) > 0 for one, other in zip(*sides, strict=True))

    assert wrong <= level * runs


def test_an_index_of_one_bin_is_nothing() -> None:
    assert psi_at_least(np.array([500.0]), np.array([700.0]), LEVEL) == 0


def test_a_ratio_of_errors_is_found() -> None:
    errors = np.random.default_rng(1).normal(size=100_000)

    assert 1.25 < rmse_ratio_at_least(squared(1.3 * errors), squared(errors), LEVEL) < 1.3


@pytest.mark.parametrize("freedom", [4, 30])
def test_a_ratio_of_errors_is_called_greater_than_it_is_less_often_than_its_level(
    freedom: int,
) -> None:
    """Errors with heavy tails, and such as are nearly normal."""
    generator = np.random.default_rng(1)
    limit, level, runs = 1.2, 0.01, 3000
    wrong = sum(
        rmse_ratio_at_least(
            squared(limit * generator.standard_t(freedom, 200)),
            squared(generator.standard_t(freedom, 400)),
            level,
        )
        > limit
        for _ in range(runs)
    )

    assert wrong <= level * runs


def test_one_great_error_is_no_sure_ratio() -> None:
    usual = np.random.default_rng(1).normal(size=500)

    assert rmse_ratio_at_least(squared(np.append(usual, 1e6)), squared(usual), LEVEL) == 0


def test_no_errors_at_all_have_a_ratio() -> None:
    none, some = SquaredErrors(100, 0, 0), SquaredErrors(100, 200, 600)

    assert rmse_ratio_at_least(none, none, LEVEL) == 0
    assert rmse_ratio_at_least(none, some, LEVEL) == 0
    assert rmse_ratio_at_least(some, none, LEVEL) == math.inf
