"""Writes the model card: what a version says of itself."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from serving.card import (
    DataSet,
    ExplanationQuality,
    Familiarity,
    Histogram,
    LearningCurve,
    ModelCard,
    Slice,
    Split,
    Variant,
)
from training.outputs.evaluation import Evaluation
from training.publish.numbers import count_numbers
from training.recipe import State, Training

MOST_NAMED = 10  # classes in a sentence
LIBRARIES = ("tensorflow", "keras", "numpy", "scikit-learn", "pillow")


@dataclass(frozen=True)
class Measurements:
    """What was measured of a training: all but three, on the test part."""

    test: Evaluation
    seeds: list[Variant]
    baselines: list[Variant]
    robustness: list[Variant]
    probes: list[Variant]  # on themselves
    slices: list[Slice]
    ablations: list[Variant]  # on the validation part, as are histograms
    familiarity: Familiarity | None
    histograms: list[Histogram]
    explanation: ExplanationQuality | None


def write_card(
    training: Training, measured: Measurements, *, name: str, version: int, command: str | None
) -> ModelCard:
    recipe, data, splits = training.recipe, training.data, training.splits
    numbers = count_numbers(training.fit.network, training.graph, data.test.inputs)
    return ModelCard(
        name=name,
        version=version,
        task=_task(recipe.task, data.classes),
        data_set=DataSet(
            name=data.name,
            source=data.source,
            sha256=data.sha256,
            split=Split(
                train=len(splits.train), validation=len(splits.validation), test=len(data.test)
            ),
            split_method=splits.method,
            findings=list(data.findings),
        ),
        metrics=measured.test.metrics,
        validation_metrics=training.validation.metrics,
        seeds=measured.seeds,
        baselines=measured.baselines,
        robustness=measured.robustness,
        probes=measured.probes,
        slices=measured.slices,
        ablations=measured.ablations,
        hyper_parameters=asdict(recipe.hyper_parameters),
        learning_curves=_learning_curves(training.state),
        confusion_matrix=measured.test.confusion_matrix,
        reliability=measured.test.reliability,
        residual_quantiles=measured.test.residual_quantiles,
        familiarity=measured.familiarity,
        class_sets=measured.test.class_sets,
        histograms=measured.histograms,
        explanation=measured.explanation,
        input_statistics=recipe.describe(splits.train),
        parameters=numbers.trained,
        numbers=numbers,
        seed=training.seed,
        command=command,
        libraries=_library_versions(),
        trained_at=datetime.now(UTC),
        training_seconds=round(training.state.seconds, 1),
    )


def _task(task: str, classes: Sequence[str]) -> str:
    """Say what is answered with: of the classes that the data have, not of the public data's."""
    if len(classes) > MOST_NAMED:
        return f"{task} as one of {len(classes):,} classes"
    *most, last = classes or ("",)
    return f"{task} as {', '.join(most)} or {last}" if classes else task


def _learning_curves(state: State) -> list[LearningCurve]:
    """Give the curves of what was measured on both parts."""
    return [
        LearningCurve(name=name, train=curve, validation=state.curves[f"val_{name}"])
        for name, curve in state.curves.items()
        if f"val_{name}" in state.curves
    ]


def _library_versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
