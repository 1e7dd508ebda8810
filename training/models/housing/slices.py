"""Block groups told from each other by what prices, and how sure they can be, may depend on."""

import numpy as np
from numpy.typing import NDArray

from training.data.examples import Examples
from training.models.housing.block_groups import Features
from training.outputs.slices import Parts, fifths
from training.serving_graph import to_tensorflow

EIGHTH = 7  # neighbour
REGIONS = {  # west, east, south, north, in degrees
    "about San Francisco Bay": (-123.1, -121.5, 36.9, 38.4),
    "about Los Angeles": (-119.0, -117.0, 33.4, 34.6),
    "about San Diego": (-117.7, -116.0, 32.5, 33.4),
}
MIDDLE_LATITUDE = 36.0  # what lies elsewhere is divided there


def slices(features: Features, examples: Examples) -> Parts:
    """Tell block groups apart by their price, their place, their age, and their neighbours."""
    inputs, prices = examples.inputs, examples.targets
    categories = inputs["ocean_proximity"]
    is_highest = prices == features.limits_usd[1]
    oldest = inputs["housing_median_age"] == inputs["housing_median_age"].max()
    kilometres = features.kilometres(features(to_tensorflow(inputs))).numpy()
    eighth = kilometres[:, min(EIGHTH, kilometres.shape[1] - 1)]
    return {
        "actual price, USD": fifths(prices),
        "cut off": {"at the highest price": is_highest, "below": ~is_highest},
        "region": _regions(inputs["longitude"], inputs["latitude"]),
        "ocean_proximity": {each.decode(): categories == each for each in sorted(set(categories))},
        "age": {"of the oldest houses": oldest, "of others": ~oldest},
        "kilometres to the nearest neighbour": fifths(kilometres[:, 0]),
        "kilometres to the eighth neighbour": fifths(eighth),
    }


def _regions(
    longitudes: NDArray[np.float32], latitudes: NDArray[np.float32]
) -> dict[str, NDArray[np.bool_]]:
    inside = {
        name: (west <= longitudes)
        & (longitudes < east)
        & (south <= latitudes)
        & (latitudes < north)
        for name, (west, east, south, north) in REGIONS.items()
    }
    elsewhere = ~np.any(list(inside.values()), axis=0)
    is_north = latitudes >= MIDDLE_LATITUDE
    return {
        **inside,
        "elsewhere in the north": elsewhere & is_north,
        "elsewhere in the south": elsewhere & ~is_north,
    }
