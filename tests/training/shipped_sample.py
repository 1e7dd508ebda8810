"""Texts, pictures and houses of our own making, which the shipped versions are asked about.

All are enumerated, none is drawn at random, so that they are the same everywhere. What the versions
answered when they were published stands in `shipped_answers.json`; after a new version of a model,
`python -m tests.training.shipped_sample` writes that file anew.
"""

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.contract import Tensors
from training.serving_graph import to_tensorflow

REPOSITORY = Path(__file__).parents[2] / "models"
ANSWERS = Path(__file__).with_name("shipped_answers.json")

OPENINGS = (
    "We watched it last night.",
    "My sister chose this film for her birthday.",
    "I had read the book years ago and was curious.",
    "",
    "Two hours in a cinema by the sea, on a rainy evening in October, with a bag of nuts.",
)
PRAISE = (
    "a wonderful story, told with warmth and wit",
    "one of the best comedies that I know",
    "superb acting and a moving end",
    "touching, clever and beautifully filmed",
)
BLAME = (
    "a dull story, told without any care",
    "one of the worst comedies that I know",
    "awful acting and a pointless end",
    "boring, stupid and badly filmed",
)
CLOSINGS = (
    "What {}!",
    "It is {}. The music stays in the background.",
    "{}. I told everybody at work about it the next morning, and so did my sister.",
    "Between the first scene and the last there is {}.",
    "I'd call it {}, and I have seen many.",
)

SHAPES = ("disc", "square", "ring", "stripes", "cross")
COLOURS = ((200, 30, 40), (40, 160, 60), (30, 60, 190), (240, 240, 230), (90, 70, 50))
BACKGROUNDS = ((120, 180, 230), (60, 110, 40), (128, 128, 128))
RADII = (6, 11)

# By name: longitude, latitude, and what the census says of how near the ocean is.
PLACES = {
    "San Francisco": (-122.437, 37.763, "NEAR BAY"),
    "Sacramento": (-121.493, 38.573, "INLAND"),
    "Los Angeles": (-118.327, 34.083, "<1H OCEAN"),
    "San Diego": (-117.163, 32.743, "NEAR OCEAN"),
    "Fresno": (-119.783, 36.747, "INLAND"),
    "Eureka": (-124.157, 40.797, "NEAR OCEAN"),
    "Avalon": (-118.327, 33.347, "ISLAND"),
    "Barstow": (-117.027, 34.893, "INLAND"),
}
INCOMES = (1.1, 2.3, 3.7, 5.9, 9.7)  # 10,000 dollars of 1990
AGES = (4.0, 27.0, 51.0)
HOUSEHOLDS = (61.0, 409.0)


def texts() -> tuple[Tensors, NDArray[np.int64]]:
    """Give two hundred texts, and 1 for each that praises, 0 for each that blames."""
    written = [
        (f"{opening} {closing.format(phrase)}".strip(), int(phrase in PRAISE))
        for opening, phrase, closing in product(OPENINGS, [*PRAISE, *BLAME], CLOSINGS)
    ]
    column = np.array([text.encode() for text, _ in written], dtype=object)
    return {"text": column}, np.array([meant for _, meant in written])


def pictures() -> Tensors:
    """Give a hundred and fifty pictures of shapes, uint8[picture, 32, 32, 3]."""
    drawn = [draw(*each) for each in product(SHAPES, COLOURS, BACKGROUNDS, RADII)]
    return {"pixels": np.stack(drawn)}


def draw(
    shape: str, colour: tuple[int, ...], background: tuple[int, ...], radius: int
) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[-15:17, -14:18]
    distance = np.hypot(rows, columns)
    nearer = np.maximum(abs(rows), abs(columns)) <= radius
    inside = {
        "disc": distance <= radius,
        "square": nearer,
        "ring": (distance <= radius) & (distance > radius / 2),
        "stripes": nearer & (rows % 4 < 2),
        "cross": nearer & ((abs(rows) < 3) | (abs(columns) < 3)),
    }[shape]
    return np.where(inside[..., None], colour, background).astype(np.uint8)


def houses() -> Tensors:
    """Give two hundred and forty block groups; one in seven does not know its bedrooms."""
    rows = list(product(PLACES.values(), INCOMES, AGES, HOUSEHOLDS))
    places, incomes, ages, households = zip(*rows, strict=True)
    longitudes, latitudes, proximity = zip(*places, strict=True)
    homes = np.array(households, np.float32)
    incomes_per_year = np.array(incomes, np.float32)
    bedrooms = np.rint(1.07 * homes)
    bedrooms[::7] = np.nan
    return {
        "longitude": np.array(longitudes, np.float32),
        "latitude": np.array(latitudes, np.float32),
        "housing_median_age": np.array(ages, np.float32),
        "total_rooms": np.rint(homes * (3.5 + 0.4 * incomes_per_year)),
        "total_bedrooms": bedrooms,
        "population": np.rint(2.9 * homes),
        "households": homes,
        "median_income": incomes_per_year,
        "ocean_proximity": np.array([each.encode() for each in proximity], dtype=object),
    }


INPUTS = {"sentiment": texts()[0], "image": pictures(), "housing": houses()}


def newest_version(name: str) -> Path:
    """Give the folder of the newest shipped version of a model."""
    return max((REPOSITORY / name).iterdir(), key=lambda folder: int(folder.name))


def ask(signature: Any, name: str) -> dict[str, NDArray[Any]]:
    """Give what a version says to the sample; numbers alone, as classes are always the same."""
    outputs = signature(**to_tensorflow(INPUTS[name]))
    return {key: each.numpy() for key, each in outputs.items() if each.dtype == tf.float32}


def write_answers() -> None:
    """Write down what the shipped versions say now."""
    answers: dict[str, Any] = {}
    for name in INPUTS:
        folder = newest_version(name)
        outputs = ask(tf.saved_model.load(str(folder)).signatures["serving_default"], name)
        rounded = {key: np.round(each.astype(float), 6).tolist() for key, each in outputs.items()}
        answers[name] = {"version": int(folder.name), **rounded}
    ANSWERS.write_text(json.dumps(answers, separators=(",", ":")).replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    write_answers()
