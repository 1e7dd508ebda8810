"""Asks the version before a new one the same validation examples, and sets both side by side.

The test part stays unseen: who chose by it which version to release would have nothing left to
measure that choice with.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from pydantic import ValidationError

from serving.card import Metric, ModelCard
from training.data.examples import Examples
from training.publish.export import exported_signature
from training.recipe import Recipe
from training.report.gap import Z
from training.serving_graph import in_batches

_GRAPH = "saved_model.pb"


@dataclass(frozen=True)
class Comparison:
    """Figures of version `before` and of the new `version`, and what is to be said of them."""

    name: str
    before: int
    version: int
    metrics: Sequence[tuple[Metric, Metric]]
    remark: str | None = None


def compare(
    recipe: Recipe[Any], card: ModelCard, validation: Examples, folder: Path
) -> Comparison | None:
    """Compare a version with the newest before it in the model's folder, if there is any."""
    before = _version_before(folder, card.version)
    if before is None:
        return None

    def without_figures(reason: str) -> Comparison:
        remark = f"version {before} of {card.name} cannot be compared: {reason}"
        return Comparison(card.name, before, card.version, (), remark)

    try:
        # Whole, for a function's variables are gone with the model that it came from.
        old, new = (tf.saved_model.load(str(folder / str(each))) for each in (before, card.version))
        asked = old.signatures["serving_default"]
        if not _can_stand_in(new.signatures["serving_default"], asked):
            return without_figures("it takes or gives other tensors than the new one")
        answers = in_batches(lambda batch: asked(**batch), validation.inputs, len(validation))
    except (OSError, KeyError, ValueError, tf.errors.OpError) as error:
        return without_figures(f"it cannot be loaded, or fails ({type(error).__name__})")
    found = recipe.outputs.evaluate(answers, validation.targets).metrics
    metrics = list(zip(found, card.validation_metrics, strict=True))
    return Comparison(card.name, before, card.version, metrics, _doubt(old, before, card))


def _can_stand_in(new: Any, old: Any) -> bool:
    """Tell whether a signature takes what another does, and gives all that it gives."""
    now, then = exported_signature(new), exported_signature(old)
    return now["inputs"] == then["inputs"] and then["outputs"].items() <= now["outputs"].items()


def do_overlap(old: Metric, new: Metric) -> bool | None:
    """Tell whether the 95 % intervals of two figures overlap; None where one has no interval."""
    if old.standard_error is None or new.standard_error is None:
        return None
    return abs(old.value - new.value) <= Z * (old.standard_error + new.standard_error)


def _version_before(folder: Path, version: int) -> int | None:
    versions = [
        int(path.name)
        for path in folder.iterdir()
        if re.fullmatch(r"\d+", path.name) and (path / _GRAPH).is_file()
    ]
    return max((each for each in versions if each < version), default=None)


def _doubt(old: Any, before: int, card: ModelCard) -> str | None:
    """Say so where the version before may have been fitted on what it was asked now."""
    data = card.data_set
    try:
        text = old.signatures["describe"](request=tf.constant([""]))["card"].numpy()[0]
        then = ModelCard.model_validate_json(text).data_set
    except (KeyError, ValidationError):
        return f"version {before} has no card: it may have been trained on these very examples"
    if (then.sha256, then.split, then.split_method) != (data.sha256, data.split, data.split_method):
        other = f"version {before} was trained on other data, or on another split of them"
        return f"{other}: it may have seen these very examples"
    return None
