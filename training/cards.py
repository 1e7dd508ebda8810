"""Writes the model card: what a version says of itself."""

import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from serving.card import DataSet, LearningCurve, ModelCard, Split
from training.recipe import Data, Evaluation, Fit, Parts, Recipe

LIBRARIES = ("tensorflow", "keras", "numpy", "scikit-learn", "pillow")


@dataclass(frozen=True)
class Training:
    """One finished training, before its test part was touched."""

    recipe: Recipe[Any]
    seed: int
    data: Data
    parts: Parts
    fit: Fit
    curves: list[LearningCurve]
    seconds: float


def write_card(training: Training, evaluation: Evaluation, name: str, version: int) -> ModelCard:
    """Put together what is known of a training; `evaluation` is of the test part."""
    recipe, data, parts = training.recipe, training.data, training.parts
    return ModelCard(
        name=name,
        version=version,
        task=recipe.task,
        data_set=DataSet(
            name=data.name,
            source=data.source,
            sha256=data.sha256,
            split=Split(
                train=len(parts.train), validation=len(parts.validation), test=len(data.test)
            ),
            split_method=parts.method,
        ),
        metrics=evaluation.metrics,
        hyper_parameters=asdict(recipe.hyper_parameters),
        learning_curves=training.curves,
        confusion_matrix=evaluation.confusion_matrix,
        residual_quantiles=evaluation.residual_quantiles,
        input_statistics=recipe.describe(parts.train),
        parameters=training.fit.network.count_params(),
        seed=training.seed,
        libraries=_library_versions(),
        trained_at=datetime.now(UTC),
        training_seconds=round(training.seconds, 1),
    )


def _library_versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
