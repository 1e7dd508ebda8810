"""Moved block groups are as far from their old place as it is said, and otherwise the same."""

from pathlib import Path

import numpy as np

from training.models.housing import california
from training.models.housing.explanations import kilometres
from training.models.housing.smoothness import moved


def test_all_move_as_far_in_many_directions(data_folder: Path) -> None:
    inputs = california.load(data_folder).development.inputs
    there = moved(inputs, 5_000, np.random.default_rng(0))
    distances = kilometres(
        *(houses[name] for houses in (inputs, there) for name in ("longitude", "latitude"))
    )
    np.testing.assert_allclose(distances, 5, rtol=0.01)
    north = (there["latitude"] > inputs["latitude"]).mean()
    east = (there["longitude"] > inputs["longitude"]).mean()
    assert 0.3 < north < 0.7
    assert 0.3 < east < 0.7
    for name in inputs.keys() - {"longitude", "latitude"}:
        np.testing.assert_array_equal(there[name], inputs[name])
