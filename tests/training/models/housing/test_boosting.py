"""Boosted trees answer as the housing model does."""

from pathlib import Path

import numpy as np
import pytest

from serving.models import MODELS
from training.models.housing import california
from training.models.housing.boosting import boosted_trees


def test_trees_learn_the_prices_and_how_far_off_they_are(data_folder: Path) -> None:
    data = california.load(data_folder)
    outputs = boosted_trees(data.development, data.test.inputs)
    signature = MODELS["housing"].signature
    assert outputs.keys() == signature.outputs.keys() - signature.optional_outputs
    prices = data.test.targets
    error = np.sqrt(np.mean((outputs["price"] - prices) ** 2))
    assert error < prices.std() / 3
    inside = (outputs["price_low"] <= prices) & (prices <= outputs["price_high"])
    assert inside.mean() > 0.7
    assert np.ptp(outputs["price_high"] - outputs["price_low"]) == pytest.approx(0, abs=0.1)
