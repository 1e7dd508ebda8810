"""What the shipped versions' quantities are like: in training, on held-out rows, and on others.

The held-out rows are those of the test part, which no card has counted; the others are the same
rows, changed as the world might change.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bench.drift import Inputs, Quantity
from bench.stack import shipped_version
from serving.card import Histogram, ModelCard
from serving.contract import Tensors
from serving.histograms import counts, learn
from serving.models import MODELS
from serving.quantities import generic
from training.data.examples import Examples
from training.recipe import Recipe
from training.recipes import load_recipes
from training.serving_graph import in_batches

NUM_ROWS = 3_000  # of a part, at most: pictures and texts take a millisecond each


def dearer(inputs: Tensors) -> Tensors:
    """Raise all incomes by a fifth."""
    return {**inputs, "median_income": inputs["median_income"] * np.float32(1.2)}


def shorter(inputs: Tensors) -> Tensors:
    """Cut all texts in the middle, between two words."""
    halves = [b" ".join(words[: -(-len(words) // 2)]) for words in map(bytes.split, inputs["text"])]
    return {"text": np.array(halves, dtype=object)}


def darker(inputs: Tensors) -> Tensors:
    """Take a fifth of all light away."""
    return {"pixels": np.rint(inputs["pixels"] * 0.8).astype(np.uint8)}


CHANGES: dict[str, tuple[str, Callable[[Tensors], Tensors]]] = {
    "housing": ("incomes 20 % higher", dearer),
    "sentiment": ("texts cut to half", shorter),
    "image": ("pictures 20 % darker", darker),
}


def measure_inputs(data: Path | None) -> Iterator[Inputs]:
    """Measure each model in turn, with what its version answers; `data` as for `tfgate train`.

    Raises:
        TrainingError: the data cannot be had, or read.
    """
    recipes = load_recipes()
    for model, (change, shifted) in CHANGES.items():
        yield _measure(model, change, shifted, recipes[model], data)


def _measure(
    model: str,
    change: str,
    shifted: Callable[[Tensors], Tensors],
    recipe: Recipe[Any],
    data: Path | None,
) -> Inputs:
    folder = shipped_version(model)
    signatures = tf.saved_model.load(str(folder)).signatures
    read = recipe.load(data)
    test = _some(read.test)
    same = _quantities(model, signatures, test)
    other = _quantities(model, signatures, shifted(test))
    histograms = _card(signatures).histograms
    if not histograms:  # a version from before cards had them: as training would count them today
        held_out = _some(recipe.split(read.development).validation)
        histograms = [learn(*each) for each in _quantities(model, signatures, held_out).items()]
    quantities = [
        Quantity(each, _shares(each, same), _shares(each, other))
        for each in histograms
        if each.quantity in same
    ]
    return Inputs(model, int(folder.name), change, quantities)


def _some(examples: Examples) -> Tensors:
    rows = np.random.default_rng(0).permutation(len(examples))[:NUM_ROWS]
    return examples.take(rows).inputs


def _quantities(model: str, signatures: Any, inputs: Tensors) -> Tensors:
    num_rows = len(next(iter(inputs.values())))
    outputs = in_batches(lambda batch: signatures["serving_default"](**batch), inputs, num_rows)
    return (MODELS[model].measure or generic)(inputs, outputs)


def _card(signatures: Any) -> ModelCard:
    [text] = signatures["describe"](tf.constant([b""])).values()
    return ModelCard.model_validate_json(text.numpy().item())


def _shares(histogram: Histogram, columns: Tensors) -> NDArray[np.float64]:
    found = counts(histogram, columns[histogram.quantity])
    shares: NDArray[np.float64] = found / found.sum()
    return shares
