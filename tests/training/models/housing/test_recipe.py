"""The housing recipe learns a price from the block group, and from its neighbours."""

from typing import Any

import numpy as np
import pytest

from training.data.examples import Data, Examples
from training.models.housing.recipe import RECIPE
from training.pipeline import TrainingOptions, train
from training.recipe import Training

SIZES = {
    "units": 16,
    "neighbours": 8,
    "batch_size": 32,
    "epochs": 20,
    "dropout": 0.0,
    "hidden_bedrooms": 0.0,
}


def block_groups(number: int, seed: int) -> Examples:
    """Make block groups whose price depends on the place alone, in a pattern of small fields."""
    random = np.random.default_rng(seed)
    inputs: dict[str, Any] = {
        name: random.uniform(low, high, number).astype(np.float32)
        for name, (low, high) in {
            "longitude": (-120, -119),
            "latitude": (35, 36),
            "housing_median_age": (10, 50),
            "total_rooms": (1000, 3000),
            "total_bedrooms": (200, 500),
            "population": (500, 1500),
            "households": (150, 450),
            "median_income": (1, 10),
        }.items()
    }
    inputs["ocean_proximity"] = random.choice(np.array([b"INLAND", b"NEAR OCEAN"], object), number)
    field = np.floor(inputs["longitude"] * 4) + np.floor(inputs["latitude"] * 4)
    return Examples(inputs, (100_000 + 200_000 * (field % 2)).astype(np.float32))


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Fit the recipe without Fourier features: what a place is worth, only neighbours can tell."""
    folder = tmp_path_factory.mktemp("housing")
    development = block_groups(1_000, seed=0)
    data = Data("made up", "here", "0", development, block_groups(400, seed=1))
    recipe = RECIPE.changed({**SIZES, "waves": 0})
    options = TrainingOptions(None, folder / "models", folder / "checkpoints")
    return train("housing", recipe, data, recipe.split(development), options, seed=0)


def test_a_price_that_only_the_neighbours_tell_is_learned(training: Training) -> None:
    error = training.validation.figures["root_mean_squared_error"]
    assert error < 70_000  # 100,000 without any knowledge


def test_the_interval_holds_the_price_and_covers_unseen_rows(training: Training) -> None:
    test = training.data.test
    outputs = training.graph.answer_all(test.inputs, len(test))
    assert (outputs["price_low"] <= outputs["price"]).all()
    assert (outputs["price"] <= outputs["price_high"]).all()
    inside = (outputs["price_low"] <= test.targets) & (test.targets <= outputs["price_high"])
    assert inside.mean() == pytest.approx(0.9, abs=0.06)
