"""How well strangers are told, of answers for which that is known."""

import numpy as np
import pytest

from serving.contract import Tensors
from training.outputs.familiarity import measure_familiarity

TEST = np.array([0.04, 0.2, 0.6, 1.0], np.float32)


def answers(familiarity: list[float], confidence: list[float] | None = None) -> Tensors:
    found: dict[str, np.typing.NDArray[np.float32]] = {
        "familiarity": np.array(familiarity, np.float32)
    }
    if confidence is not None:
        sure = np.array(confidence, np.float32)
        found["scores"] = np.stack([sure, 1 - sure], axis=1)
    return found


def test_strangers_are_compared_with_the_test_part() -> None:
    test = answers(TEST.tolist(), [0.9, 0.8, 0.9, 1.0])
    strangers = {
        "far away": answers([0.01, 0.01], [0.6, 0.7]),
        "hardly strange": answers([0.2, 1.0, 0.01, 0.05], [1.0, 1.0, 1.0, 1.0]),
    }
    measured = measure_familiarity("distance", test, strangers)
    assert measured is not None
    assert (measured.method, measured.threshold) == ("distance", 0.05)
    assert measured.false_alarms == 0.25
    far, hardly = measured.strangers
    assert (far.name, far.count, far.noticed) == ("far away", 2, 1.0)
    assert (far.auroc, far.auroc_of_confidence) == (1.0, 1.0)
    # The threshold itself is familiar. Of 16 pairs, the test part is ahead in 9 and even in 2.
    assert (hardly.count, hardly.noticed) == (4, 0.25)
    assert hardly.auroc == pytest.approx((9 + 2 / 2) / 16)
    assert hardly.auroc_of_confidence == pytest.approx((0 + 4 / 2) / 16)


def test_prices_have_no_confidence_to_compare_with() -> None:
    measured = measure_familiarity("distance", answers([0.5]), {"at sea": answers([0.01])})
    assert measured is not None
    assert measured.strangers[0].auroc_of_confidence is None


def test_nothing_is_said_of_a_version_that_tells_no_familiarity() -> None:
    prices = {"price": np.zeros(3, np.float32)}
    assert measure_familiarity("", prices, {"at sea": prices}) is None
