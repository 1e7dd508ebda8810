"""What the housing network sees: nothing of the price that it is to predict, and never a NaN."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.contract import Tensors
from serving.models import MODELS
from training.data.examples import Examples
from training.models.housing import california
from training.models.housing.block_groups import Features, kilometres_to_others
from training.models.housing.explanations import kilometres
from training.serving_graph import to_tensorflow


@pytest.fixture
def train(data_folder: Path) -> Examples:
    return california.load(data_folder).development


@pytest.fixture
def features(train: Examples) -> Features:
    return Features(train, num_wave_lengths=2, num_neighbours=8)


def test_a_feature_is_a_number_even_if_the_bedrooms_are_missing(
    train: Examples, features: Features
) -> None:
    assert np.isnan(train.inputs["total_bedrooms"]).any()
    assert np.isfinite(features(to_tensorflow(train.inputs)).numpy()).all()


def test_every_allowed_place_has_neighbours(features: Features) -> None:
    model = MODELS["housing"]
    batch = model.preprocess([model.example] * 2)
    batch["longitude"][:], batch["latitude"][:] = [-180, 180], [-90, 90]
    assert np.isfinite(features(to_tensorflow(batch)).numpy()).all()


def test_no_example_sees_its_own_price_but_others_do(train: Examples, features: Features) -> None:
    one = 3
    distances = np.abs(train.inputs["latitude"] - train.inputs["latitude"][one])
    far = int(distances.argmax())
    prices = train.targets.copy()
    prices[[one, far]] = prices[[far, one]]
    swapped = Features(replace(train, targets=prices), num_wave_lengths=2, num_neighbours=8)
    difference = features.of_known(train.inputs).numpy() - swapped.of_known(train.inputs).numpy()
    changes = np.abs(difference).max(axis=1) > 1e-3
    assert not changes[one]
    assert changes.any()


def placed(train: Examples, east: float, north: float) -> Tensors:
    """Give the known block groups, all of them moved by some degrees."""
    inputs = train.inputs
    moved = {
        "longitude": inputs["longitude"] + np.float32(east),
        "latitude": inputs["latitude"] + np.float32(north),
    }
    return {**inputs, **moved}


def test_neighbours_are_as_far_as_on_the_globe_the_nearest_first(
    train: Examples, features: Features
) -> None:
    asked = placed(train, 0.03, 0.02)
    found = features.kilometres(features(to_tensorflow(asked))).numpy()
    assert (np.diff(found, axis=1) >= 0).all()
    known = train.inputs
    distances = kilometres(
        *(asked[name][:, None] for name in ("longitude", "latitude")),
        *(known[name][None] for name in ("longitude", "latitude")),
    ).numpy()
    np.testing.assert_allclose(found[:, 0], distances.min(axis=1), rtol=0.05, atol=0.05)


def test_the_nearest_of_a_known_one_is_another(train: Examples) -> None:
    distances = kilometres_to_others(train)
    assert distances.shape == (len(train),)
    twice = train.take(np.repeat(np.arange(5), 2))
    assert kilometres_to_others(twice) == pytest.approx(np.zeros(10), abs=1e-3)
    assert distances.max() > 1


def test_the_farther_and_the_more_unlike_the_more_difficult(
    train: Examples, features: Features
) -> None:
    def difficulty(inputs: Tensors) -> NDArray[np.float32]:
        found: NDArray[np.float32] = features.difficulty(features(to_tensorflow(inputs))).numpy()
        assert found.min() >= 0
        return found

    known, near, far = (difficulty(placed(train, degrees, 0)) for degrees in (0, -3, -20))
    assert known[:, :2] == pytest.approx(np.zeros((len(train), 2)), abs=0.01)
    assert (near[:, :2] < far[:, :2]).all()
    assert near[:, :2].min() > 0
    rich = difficulty({**train.inputs, "median_income": train.inputs["median_income"] * 50})
    assert (rich[:, 1] > known[:, 1] + 1).all()


def test_houses_of_the_highest_known_age_are_difficult(train: Examples, features: Features) -> None:
    ages = train.inputs["housing_median_age"]
    found = features.difficulty(features(to_tensorflow(train.inputs))).numpy()[:, 2]
    assert found.tolist() == (ages == ages.max()).tolist()
