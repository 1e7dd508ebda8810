"""Writes the model card: what a version says of itself."""

import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from serving.card import DataSet, ModelCard, Split, Variant
from training.fit.fitting import learning_curves
from training.recipe import Evaluation, Training

LIBRARIES = ("tensorflow", "keras", "numpy", "scikit-learn", "pillow")


@dataclass(frozen=True)
class Measurements:
    """What was measured of a training, all but the ablations on the test part."""

    test: Evaluation
    seeds: list[Variant]
    baselines: list[Variant]
    robustness: list[Variant]
    ablations: list[Variant]


def write_card(
    training: Training, measured: Measurements, *, name: str, version: int, command: str | None
) -> ModelCard:
    """Put together what is known of a training."""
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
            findings=list(data.findings),
        ),
        metrics=measured.test.metrics,
        validation_metrics=training.validation.metrics,
        seeds=measured.seeds,
        baselines=measured.baselines,
        robustness=measured.robustness,
        ablations=measured.ablations,
        hyper_parameters=asdict(recipe.hyper_parameters),
        learning_curves=learning_curves(training.state),
        confusion_matrix=measured.test.confusion_matrix,
        reliability=measured.test.reliability,
        residual_quantiles=measured.test.residual_quantiles,
        input_statistics=recipe.describe(parts.train),
        parameters=training.fit.network.count_params(),
        seed=training.seed,
        command=command,
        libraries=_library_versions(),
        trained_at=datetime.now(UTC),
        training_seconds=round(training.state.seconds, 1),
    )


def _library_versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
