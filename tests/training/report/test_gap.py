"""What is read out of errors that are known."""

import pytest

from training.report.gap import Errors, Verdict, advice, verdict


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (Errors(train=0.20, validation=0.21, test=0.21, floor=0.10), "high bias"),
        (Errors(train=0.01, validation=0.15, test=0.15, floor=0.10), "high variance"),
        (Errors(train=0.05, validation=0.07, test=0.07, floor=0.10), "fine"),
        (Errors(train=0.01, validation=0.07, test=0.07, floor=0.10), "fine"),
        (Errors(train=0.01, validation=0.07, test=0.07, floor=None), "high variance"),
        (Errors(train=0.05, validation=0.07, test=0.07, floor=None), "fine"),
        (Errors(train=50_000.0, validation=51_000.0, test=51_000.0, floor=46_000.0), "high bias"),
        (Errors(train=0.0, validation=0.0, test=0.0, floor=None), "fine"),
    ],
)
def test_the_errors_are_judged_against_the_floor(errors: Errors, expected: Verdict) -> None:
    assert verdict(errors) == expected


def test_bias_and_variance_call_for_opposite_remedies() -> None:
    biased = advice(Errors(train=0.20, validation=0.21, test=0.21, floor=0.10))
    varying = advice(Errors(train=0.01, validation=0.15, test=0.15, floor=0.10))
    assert "A larger network" in biased
    assert "more data would not" in biased
    assert "More data" in varying
    assert "a larger network would not" in varying


@pytest.mark.parametrize(("train", "left"), [(0.01, "variance"), (0.05, "bias")])
def test_what_is_fine_is_told_what_remains(train: float, left: str) -> None:
    errors = Errors(train=train, validation=0.07, test=0.07, floor=0.10)
    assert f"mostly {left}" in advice(errors)
