"""Block groups that are unlike any in California, by what is wrong with them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from training.data.examples import Examples

NUM_STRANGERS = 400  # of each kind

Columns = dict[str, NDArray[Any]]


def strangers(test: Examples) -> Mapping[str, Tensors]:
    """Move block groups of the test part to where nobody lives, or make their ratios absurd."""
    random = np.random.default_rng(0)

    def changed(change: Callable[[Columns], Columns]) -> Tensors:
        rows = random.integers(0, len(test), NUM_STRANGERS)
        columns = {name: column[rows] for name, column in test.inputs.items()}
        return {**columns, **change(columns)}

    def place(west: float, east: float, south: float, north: float) -> Tensors:
        longitude = random.uniform(west, east, NUM_STRANGERS).astype(np.float32)
        latitude = random.uniform(south, north, NUM_STRANGERS).astype(np.float32)
        return changed(lambda _: {"longitude": longitude, "latitude": latitude})

    return {
        "in the Pacific": place(-126.5, -123.5, 33, 37),
        "in the Nevada desert": place(-118, -114.5, 38, 41),
        "in the eastern states": place(-100, -70, 30, 45),
        "a thousand rooms a household": changed(
            lambda columns: {"total_rooms": 1_000 * columns["households"]}
        ),
        "one person in all": changed(
            lambda columns: {"population": np.ones_like(columns["population"])}
        ),
        "income a thousand times too high": changed(
            lambda columns: {"median_income": 1_000 * columns["median_income"]}
        ),
        "longitude and latitude swapped": changed(
            lambda columns: {"longitude": columns["latitude"], "latitude": columns["longitude"]}
        ),
        "each field of another block group": changed(
            lambda columns: {name: random.permutation(column) for name, column in columns.items()}
        ),
    }
