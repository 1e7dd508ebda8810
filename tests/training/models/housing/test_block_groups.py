"""What the housing network sees: nothing of the price that it is to predict, and never a NaN."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.models import MODELS
from training.data.examples import Examples
from training.models.housing import california
from training.models.housing.block_groups import Features
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
    difference = features.of_known(train).numpy() - swapped.of_known(train).numpy()
    changes = np.abs(difference).max(axis=1) > 1e-3
    assert not changes[one]
    assert changes.any()
