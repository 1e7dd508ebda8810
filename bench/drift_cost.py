"""What counting for drift costs a request: on its way, and beside it."""

import asyncio
import time
from typing import Any, NamedTuple

import numpy as np

from serving.card import ModelCard
from serving.contract import Tensors
from serving.gateway.drift.counter import MOST_REQUESTS, DriftCounter
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.histograms import learn
from serving.models import MODELS
from serving.models.housing import NUMERIC_FEATURES, measure

_ROUNDS = 20


class _Catalog:
    """Knows one version, whose card tells of its training."""

    def __init__(self, card: ModelCard) -> None:
        self._card = card

    async def card(self, _model: str, _version: int) -> ModelCard:
        return self._card

    def is_known(self, _model: str, _version: int) -> bool:
        return True


class Cost(NamedTuple):
    """Microseconds of processor that a request of one house costs."""

    on_its_way: float
    beside_it: float


def measure_cost() -> Cost:
    """Count as many requests as a block may have, several times; the fastest time counts."""
    inputs, outputs = _made_up(MOST_REQUESTS)
    shown = [_answered(inputs, outputs, row) for row in range(MOST_REQUESTS)]
    quantities = measure(inputs, outputs).items()
    card = ModelCard.model_construct(histograms=[learn(*each) for each in quantities])
    catalog: Any = _Catalog(card)
    counter = DriftCounter(MODELS, catalog, None)
    on_its_way, beside_it = [], []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for each in shown:
            counter.hear(each)
        on_its_way.append(time.perf_counter() - began)
        began = time.process_time()
        asyncio.run(counter.count())
        beside_it.append(time.process_time() - began)
    return Cost(*(1e6 * min(each) / len(shown) for each in (on_its_way, beside_it)))


def _made_up(num_rows: int) -> tuple[Tensors, Tensors]:
    random = np.random.default_rng(0)
    places = random.choice(np.array([b"INLAND", b"NEAR BAY"], object), num_rows)
    numbers = random.random((len(NUMERIC_FEATURES), num_rows), np.float32)
    inputs = dict(zip(NUMERIC_FEATURES, numbers, strict=True)) | {"ocean_proximity": places}
    names = MODELS["housing"].signature.outputs
    return inputs, {name: random.random(num_rows, np.float32) for name in names}


def _answered(inputs: Tensors, outputs: Tensors, row: int) -> Answered:
    context: Any = None  # nobody looks at it
    ours, theirs = (
        {name: array[row : row + 1] for name, array in side.items()} for side in (inputs, outputs)
    )
    return Answered(Question(ModelRef("housing", 1)), ours, theirs, 1, 0.0, context)
