"""What systems are asked: the same houses, pictures, reviews and rows in every run."""

import base64
import io
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from tfgate.loadtest.users.words import WORDS

Instance = dict[str, Any]

# Enough that no server can answer from a memory of the last few, or share a row between callers.
NUM_BODIES = 256
SEED = 20240601

_PROXIMITIES = ["<1H OCEAN", "INLAND", "NEAR BAY", "NEAR OCEAN"]


@dataclass(frozen=True)
class Workload:
    """One kind of request: which model is asked, and for how many instances at once."""

    name: str
    title: str
    model: str
    batch_size: int | None = None  # None: one instance, on its own
    words: int = 0
    width: int = 0  # of a row of numbers, for a model that tfgate does not know

    @property
    def heading(self) -> str:
        """The title as a page has it above."""
        return self.title[0].upper() + self.title[1:]

    def requests(self) -> list[list[Instance]]:
        """Make the instances of NUM_BODIES different requests, the same in every process."""
        if self.width:
            return _rows(self.batch_size or 1, self.width)
        # A string seeds random.Random alike everywhere; a tuple would be hashed with a salt.
        source = random.Random(f"{SEED} {self.name}")  # noqa: S311 - no secret depends on it
        return [
            [self._instance(source) for _ in range(self.batch_size or 1)] for _ in range(NUM_BODIES)
        ]

    def _instance(self, source: random.Random) -> Instance:
        if self.model == "housing":
            return _house(source)
        if self.model == "image":
            return {"image": _picture(source)}
        return {"text": " ".join(source.choices(WORDS, k=self.words))}


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("house", "one house", "housing"),
        Workload("houses", "a batch of 100 houses", "housing", batch_size=100),
        Workload("picture", "one PNG of 32 x 32 pixels", "image"),
        Workload("review200", "one review of 200 words", "sentiment", words=200),
        Workload("review20", "one review of 20 words", "sentiment", words=20),
    )
}

# For what takes tensors of any model; `foreign_models.py` makes these two.
FOREIGN_WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("rows9", "100 rows of 9 numbers", "narrow", batch_size=100, width=9),
        Workload("rows64", "100 rows of 64 numbers", "wide", batch_size=100, width=64),
    )
}
ALL_WORKLOADS = WORKLOADS | FOREIGN_WORKLOADS


def _rows(batch_size: int, width: int) -> list[list[Instance]]:
    """Draw rows of numbers, all requests at once: there are a million of them."""
    drawn = np.random.default_rng(SEED).uniform(-1, 1, (NUM_BODIES, batch_size, width))
    return [[{"x": row} for row in batch] for batch in drawn.round(4).tolist()]


def _house(source: random.Random) -> Instance:
    """Draw a block group whose every value lies within what the model was trained on."""
    rooms = source.randint(500, 8000)
    households = rooms // source.randint(4, 6)
    return {
        "longitude": round(source.uniform(-124, -115), 2),
        "latitude": round(source.uniform(33, 41), 2),
        "housing_median_age": source.randint(2, 51),
        "total_rooms": rooms,
        "total_bedrooms": rooms // source.randint(4, 6),
        "population": households * source.randint(2, 4),
        "households": households,
        "median_income": round(source.uniform(1, 12), 4),
        "ocean_proximity": source.choice(_PROXIMITIES),
    }


def _picture(source: random.Random) -> str:
    """Draw coloured noise, which no file format makes smaller, as a PNG in base64."""
    pixels = np.frombuffer(source.randbytes(32 * 32 * 3), np.uint8).reshape(32, 32, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
