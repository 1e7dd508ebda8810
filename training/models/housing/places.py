"""Draws California from its block groups, for the page of the gateway: a coarse grid of places.

`python -m training.models.housing.places FILE [FOLDER]` writes it. Of the grid only means of the
training part are told: no block group, and nothing of the test part.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from training.data.examples import Examples
from training.models.housing import california

CELL_DEGREES = 0.1
NO_PLACE = " "
KINDS = {b"<1H OCEAN": "h", b"INLAND": "i", b"ISLAND": "s", b"NEAR BAY": "b", b"NEAR OCEAN": "o"}
LEVELS_USD = (75_000, 100_000, 125_000, 150_000, 175_000, 200_000, 250_000, 300_000, 400_000)


def places(examples: Examples) -> dict[str, Any]:
    """Give the grid, a character for each cell, in rows from north to south, west to east.

    `prices` has the mean price of each cell, as the number of `levels` that are not above it;
    `kinds` the most frequent nearness to the ocean, as `names` has them.
    """
    longitudes, latitudes = examples.inputs["longitude"], examples.inputs["latitude"]
    west, north = np.floor(longitudes.min() * 10) / 10, np.ceil(latitudes.max() * 10) / 10
    columns = np.floor((longitudes - west) / CELL_DEGREES + 1e-4).astype(int)
    rows = np.floor((north - latitudes) / CELL_DEGREES + 1e-4).astype(int)
    shape = rows.max() + 1, columns.max() + 1
    prices, kinds = (np.full(shape, NO_PLACE, dtype="U1") for _ in range(2))
    for row, column in sorted(set(zip(rows.tolist(), columns.tolist(), strict=True))):
        inside = (rows == row) & (columns == column)
        level = np.searchsorted(LEVELS_USD, examples.targets[inside].mean(), side="right")
        names, counts = np.unique(examples.inputs["ocean_proximity"][inside], return_counts=True)
        prices[row, column] = str(level)
        kinds[row, column] = KINDS[names[counts.argmax()]]
    return {
        "west": round(float(west), 1),
        "north": round(float(north), 1),
        "degrees": CELL_DEGREES,
        "levels": LEVELS_USD,
        "names": {letter: name.decode() for name, letter in KINDS.items()},
        "prices": ["".join(row).rstrip() for row in prices],
        "kinds": ["".join(row).rstrip() for row in kinds],
    }


def main(file: str, folder: str | None = None) -> None:
    """Write the grid of the examples that are not the test part's."""
    data = california.load(None if folder is None else Path(folder))
    Path(file).write_text(json.dumps(places(data.development), indent=0) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
