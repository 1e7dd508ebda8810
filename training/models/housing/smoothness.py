"""Measures by how much prices change as block groups are moved a little, of an exported version.

`python -m training.models.housing.smoothness VERSION DATA` prints it for the test part, such as of
the folder models/housing/3.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.contract import Tensors
from training.models.housing import california
from training.models.housing.block_groups import KILOMETRES_PER_DEGREE
from training.serving_graph import in_batches

METRES = 180.0
NUM_DIRECTIONS = 4  # random ones, of each block group
SMALL_CHANGE = 0.03


def moved(inputs: Tensors, metres: float, random: np.random.Generator) -> Tensors:
    """Give block groups as they were, but for a place so far away, each in another direction."""
    directions = random.uniform(0, 2 * np.pi, len(inputs["latitude"]))
    degrees = metres / 1_000 / KILOMETRES_PER_DEGREE
    stretch = np.cos(np.radians(inputs["latitude"]))
    longitude = inputs["longitude"] + degrees * np.cos(directions) / stretch
    latitude = inputs["latitude"] + degrees * np.sin(directions)
    return {
        **inputs,
        "longitude": longitude.astype(np.float32),
        "latitude": latitude.astype(np.float32),
    }


def changes(version: Path, inputs: Tensors) -> NDArray[np.float64]:
    """Give the relative changes of the prices of a version, float64[move]."""
    answer = tf.saved_model.load(str(version)).signatures["serving_default"]
    number = len(inputs["latitude"])

    def prices(asked: Tensors) -> NDArray[np.float64]:
        answers = in_batches(lambda batch: answer(**batch), asked, number)
        return answers["price"].astype(np.float64)

    before, random = prices(inputs), np.random.default_rng(0)
    after = [prices(moved(inputs, METRES, random)) for _ in range(NUM_DIRECTIONS)]
    return np.concatenate([np.abs(each / before - 1) for each in after])


def main(version: str, data: str) -> None:
    """Say how many moves change the price by how much."""
    found = changes(Path(version), california.load(Path(data)).test.inputs)
    sys.stdout.write(
        f"{len(found):,} moves of {METRES:g} m: {np.mean(found < SMALL_CHANGE):.2%} change the "
        f"price by less than {SMALL_CHANGE:.0%}; the median is {np.median(found):.2%}, the 99th of "
        f"a hundred {np.quantile(found, 0.99):.2%}, the largest {found.max():.1%}\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
