"""What is read out of errors that are known."""

import pytest
from scipy.stats import binomtest

from training.report.gap import TOO_FEW, Errors, Estimate, Verdict, advice, estimate_share, verdict


def shares(
    train: float, validation: float, test: float, floor: float | None, count: int = 100_000
) -> Errors:
    return Errors(
        train=estimate_share(train, count),
        validation=estimate_share(validation, count),
        test=estimate_share(test, count),
        floor=floor,
    )


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (shares(0.20, 0.21, 0.21, 0.10), "high bias"),
        (shares(0.01, 0.15, 0.15, 0.10), "high variance"),
        (shares(0.05, 0.07, 0.07, 0.10), "fine"),
        (shares(0.01, 0.07, 0.07, 0.10), "fine"),
        (shares(0.01, 0.07, 0.07, None), "high variance"),
        (shares(0.05, 0.07, 0.07, None), "fine"),
        (shares(0.05, 0.07, 0.07, 0.10, count=100), TOO_FEW),
        (shares(0.05, 0.07, 0.07, 0.10, count=1_000), "fine"),
        (shares(0.01, 0.07, 0.07, None, count=30), TOO_FEW),
        (shares(1 / 120, 1 / 120, 1 / 120, 1 / 120, count=120), TOO_FEW),
        (shares(0.0, 0.0, 0.0, None, count=120), TOO_FEW),
    ],
)
def test_the_errors_are_judged_where_chance_cannot_turn_the_verdict(
    errors: Errors, expected: Verdict
) -> None:
    assert verdict(errors) == expected


@pytest.mark.parametrize(("half", "expected"), [(1_000.0, "high bias"), (9_000.0, TOO_FEW)])
def test_other_errors_than_shares_are_judged_by_their_intervals(
    half: float, expected: Verdict
) -> None:
    train, other = (Estimate(each, each - half, each + half, 500) for each in (50e3, 51e3))
    assert verdict(Errors(train, other, other, floor=46e3)) == expected


@pytest.mark.parametrize("count", range(1, 200, 7))
def test_the_interval_of_none_or_all_begins_or_ends_there(count: int) -> None:
    assert estimate_share(0.0, count).low == 0.0
    assert estimate_share(1.0, count).high == 1.0


@pytest.mark.parametrize(("wrong", "count"), [(0, 7), (1, 120), (60, 120), (119, 120), (5, 5)])
def test_the_interval_of_a_share_is_wilsons(wrong: int, count: int) -> None:
    expected = binomtest(wrong, count).proportion_ci(0.95, method="wilson")
    found = estimate_share(wrong / count, count)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-4)


@pytest.mark.parametrize("floor", [0.10, 0.075])
def test_too_few_are_told_with_the_number_that_would_decide(floor: float) -> None:
    few = shares(0.001, 0.07, 0.07, floor, count=100)
    said = advice(few)
    assert said.startswith("With the 100 examples of the test part, chance could have turned the")
    needed = int(said.partition("about ")[2].partition(" ")[0].replace(",", ""))
    assert verdict(shares(0.001, 0.07, 0.07, floor, count=needed // 3)) == TOO_FEW
    assert verdict(shares(0.001, 0.07, 0.07, floor, count=needed * 2)) == "fine"
    assert "validation part" in advice(shares(0.01, 0.07, 0.07, None, count=30))
    assert advice(shares(0.0, 0.0, 0.0, None, count=10)) == (
        "Of the 10 examples of the validation part none is wrong: more may tell."
    )
    assert "right between" in advice(shares(0.01, 0.1, 0.1, 0.1, count=30))


def test_bias_and_variance_call_for_opposite_remedies() -> None:
    biased = advice(shares(0.20, 0.21, 0.21, 0.10))
    varying = advice(shares(0.01, 0.15, 0.15, 0.10))
    assert "A larger network" in biased
    assert "more data would not" in biased
    assert "More data" in varying
    assert "a larger network would not" in varying


@pytest.mark.parametrize(("train", "left"), [(0.01, "variance"), (0.05, "bias")])
def test_what_is_fine_is_told_what_remains(train: float, left: str) -> None:
    assert f"mostly {left}" in advice(shares(train, 0.07, 0.07, 0.10))
