"""Slices divide the block groups: each is in one part of every kind."""

from pathlib import Path

import numpy as np
import pytest

from training.data.examples import Examples
from training.models.housing import california
from training.models.housing.block_groups import Features
from training.models.housing.slices import slices
from training.outputs.slices import Parts


@pytest.fixture(scope="module")
def examples(data_folder: Path) -> Examples:
    return california.load(data_folder).development


@pytest.fixture(scope="module")
def parts(examples: Examples) -> Parts:
    return slices(Features(examples, num_wave_lengths=2, num_neighbours=12), examples)


def test_each_block_group_is_in_one_part_of_every_kind(examples: Examples, parts: Parts) -> None:
    for name, kinds in parts.items():
        times = np.sum(list(kinds.values()), axis=0)
        assert times.tolist() == [1] * len(examples), name


def test_parts_are_what_they_are_called(examples: Examples, parts: Parts) -> None:
    for name, rows in parts["ocean_proximity"].items():
        assert set(examples.inputs["ocean_proximity"][rows]) == {name.encode()}
    highest = examples.targets[parts["cut off"]["at the highest price"]]
    assert set(highest.tolist()) == {examples.targets.max()}
    ages = examples.inputs["housing_median_age"][parts["age"]["of others"]]
    assert examples.inputs["housing_median_age"].max() not in ages
