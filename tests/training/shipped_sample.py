"""Texts, pictures and houses of our own making, which the shipped versions are asked about.

All are enumerated, none is drawn at random, so that they are the same everywhere. What the versions
answered when they were published stands in `shipped_answers.json`; after a new version of a model,
`python -m tests.training.shipped_sample` writes that file anew and says what has changed in it.
"""

import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.contract import Tensors
from tests.stack import SHIPPED_VERSIONS, shipped_version
from training.serving_graph import to_tensorflow

ANSWERS = Path(__file__).with_name("shipped_answers.json")
COMMAND = "python -m tests.training.shipped_sample"

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
# Without a side that a test could name; only their answers must stay.
ODD_TEXTS = (
    "?",
    "Bad.",
    "Good!",
    "Not bad.",
    "A WASTE OF TIME. THE END WAS AWFUL!!!",
    "AMAZING, AND FUNNY FROM THE FIRST MINUTE!!!",
    "Une soirée délicieuse: Amélie, naïve et drôle, à Besançon. Très bien!",
    "Szkoda słów, żadnej fabuły. Größter Blödsinn.",
    "Das Ende — oh je 😢. But we laughed 😀.",
    "数字と文字",
    "It starts well.<br /><br />Then it <i>never</i> ends.",
    "It isn't good, it isn't bad, it's neither here nor there; 5/10.",
    "The first part is slow and dull, and nobody seems to care. " * 60,
    "We laughed and we cried. " * 200 + "Still, the end spoils it all.",
    "a" * 5_000,
)

SHAPES = ("disc", "square", "ring", "stripes", "cross")
COLOURS = ((200, 30, 40), (40, 160, 60), (30, 60, 190), (240, 240, 230), (90, 70, 50))
BACKGROUNDS = ((120, 180, 230), (60, 110, 40), (128, 128, 128))
RADII = (6, 11)
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))  # down and to the right, in which a gradient runs

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

# Houses like one another all over the state, since a version knows each region by itself; between
# the hundredths of a degree of the census, where hardly two of its places are equally near.
GRID = tuple(
    ((longitude, latitude, "INLAND"), 3.7, 27.0, 409.0)
    for longitude, latitude in product(
        np.linspace(-124.287, -114.413, 10), np.linspace(32.613, 41.887, 12)
    )
)


def texts() -> tuple[Tensors, NDArray[np.int64]]:
    """Give two hundred texts and the odd ones, and for each of the two hundred 1 if it praises."""
    written = [
        (f"{opening} {closing.format(phrase)}".strip(), int(phrase in PRAISE))
        for opening, phrase, closing in product(OPENINGS, [*PRAISE, *BLAME], CLOSINGS)
    ]
    lines = [*(text for text, _ in written), *ODD_TEXTS]
    column = np.array([text.encode() for text in lines], dtype=object)
    return {"text": column}, np.array([meant for _, meant in written])


def pictures() -> Tensors:
    """Give 150 pictures of shapes and 20 of gradients, uint8[picture, 32, 32, 3]."""
    drawn = [draw(*each) for each in product(SHAPES, COLOURS, BACKGROUNDS, RADII)]
    shaded = [shade(*each) for each in product(COLOURS, DIRECTIONS)]
    return {"pixels": np.stack(drawn + shaded)}


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


def shade(colour: tuple[int, ...], direction: tuple[int, int]) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:32, :32]
    steps = direction[0] * rows + direction[1] * columns
    lowest, highest = steps.min(), steps.max()
    # In whole numbers, which no processor rounds otherwise.
    shaded = np.array(colour) * (steps - lowest)[..., None] // (highest - lowest)
    return np.asarray(shaded, np.uint8)


def houses() -> Tensors:
    """Give 240 block groups of the places and 120 of the grid; one in seven lacks its bedrooms."""
    rows = [*product(PLACES.values(), INCOMES, AGES, HOUSEHOLDS), *GRID]
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


def ask(signature: Any, name: str) -> dict[str, NDArray[Any]]:
    """Give what a version says to the sample; numbers alone, as classes are always the same."""
    outputs = signature(**to_tensorflow(INPUTS[name]))
    return {key: each.numpy() for key, each in outputs.items() if each.dtype == tf.float32}


def write_answers() -> None:
    """Write down what the shipped versions say now, and tell how far from what stood there."""
    before = json.loads(ANSWERS.read_text()) if ANSWERS.exists() else {}
    answers: dict[str, Any] = {}
    for name in SHIPPED_VERSIONS:
        folder = shipped_version(name)
        outputs = ask(tf.saved_model.load(str(folder)).signatures["serving_default"], name)
        digits = {key: 2 if "price" in key else 6 for key in outputs}  # 2: cents
        rounded = {
            key: np.round(each.astype(float), digits[key]).tolist() for key, each in outputs.items()
        }
        answers[name] = {"version": int(folder.name), **rounded}
        moved = difference(before.get(name, {}), answers[name])
        sys.stdout.write(f"{name} {folder.name}: {moved}\n")
    ANSWERS.write_text(json.dumps(answers, separators=(",", ":")).replace('},"', '},\n"') + "\n")
    sys.stdout.write(f"Written to {ANSWERS}; look at what has changed before you commit it.\n")


def difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    told = [] if before.get("version") == now["version"] else [f"before: {before.get('version')}"]
    for output in (key for key in now if key != "version"):
        old, new = np.array(before.get(output, ())), np.array(now[output])
        if old.shape != new.shape:
            told.append(f"{output} of {len(new)} rows, before: {len(old)}")
        else:
            told.append(f"{output} of {len(new)} rows, moved by at most {abs(new - old).max():g}")
    return "; ".join(told)


if __name__ == "__main__":
    write_answers()
