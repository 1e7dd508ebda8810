"""The model card: what a version says of itself, written at export and read over the wire."""

from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    # Later exports may say more; a gateway that is older than a card must still read it.
    model_config = ConfigDict(frozen=True, extra="allow")


class Split(_Frozen):
    """How many examples each part of the data had."""

    train: int
    validation: int
    test: int


class DataFinding(_Frozen):
    """Something about the data that a reader of its figures should know."""

    name: str
    severity: Literal["note", "warning", "refusal"]
    count: int = Field(description="of the examples, or of the files that none came from")
    share: float = Field(description="of all that were looked at")
    message: str = Field(description="what it is, and what to do about it")


class DataSet(_Frozen):
    """Where the training data came from."""

    name: str
    source: str
    sha256: Annotated[str, Field(description="checksum of the file or files it was read from")]
    split: Split
    split_method: str
    findings: list[DataFinding] = Field(default=[], description="of the checks before training")


class Metric(_Frozen):
    """One figure."""

    name: str
    value: float
    unit: str
    definition: str
    standard_error: float | None = Field(
        default=None, description="how far the figure would scatter with other examples"
    )


class Variant(_Frozen):
    """The figures of the same task under another name: of another model, seed or input."""

    name: str
    metrics: dict[str, float]


class ConfidenceBin(_Frozen):
    """Answers of about the same confidence: how sure they were, and how often right."""

    confidence: float = Field(description="mean of the bin")
    accuracy: float
    count: int


class InputStatistics(_Frozen):
    """What one numeric input looked like in the training part; missing values left out."""

    minimum: float
    maximum: float
    mean: float
    standard_deviation: float
    missing: int = 0


class LearningCurve(_Frozen):
    """One value per epoch of a quantity, on the training and on the validation part."""

    name: str
    train: list[float]
    validation: list[float]


class ModelCard(_Frozen):
    """Everything a reader needs to judge one version."""

    name: str
    version: int
    task: str
    data_set: DataSet
    metrics: list[Metric] = Field(description="on the held-out test set")
    validation_metrics: list[Metric] = Field(
        default=[], description="on the part that every choice was made on"
    )
    seeds: list[Variant] = Field(
        default=[], description="test figures of trainings that differ in nothing but their seed"
    )
    baselines: list[Variant] = Field(
        default=[], description="test figures of simpler models, fitted on the same examples"
    )
    robustness: list[Variant] = Field(
        default=[], description="test figures on inputs as careless hands send them"
    )
    ablations: list[Variant] = Field(
        default=[], description="validation figures of the same recipe less one ingredient each"
    )
    hyper_parameters: dict[str, int | float | str | bool]
    learning_curves: list[LearningCurve]
    confusion_matrix: dict[str, dict[str, int]] | None = Field(
        default=None, description="counts on the test set: true label, then predicted label"
    )
    reliability: list[ConfidenceBin] | None = Field(
        default=None, description="confidence and accuracy on the test set"
    )
    residual_quantiles: dict[str, float] | None = Field(
        default=None, description="predicted minus actual on the test set, by quantile"
    )
    input_statistics: dict[str, InputStatistics] = Field(
        description="of each input, or of a quantity derived from it, in the training part"
    )
    parameters: int = Field(description="number of trained weights")
    seed: int
    command: str | None = Field(default=None, description="what trains this version again")
    libraries: dict[str, str] = Field(description="versions that trained and exported the model")
    trained_at: datetime
    training_seconds: float

    @cached_property
    def input_ranges(self) -> tuple[tuple[str, float, float], ...]:
        """Each numeric input with the smallest and the largest value seen in training."""
        seen = self.input_statistics.items()
        return tuple((name, each.minimum, each.maximum) for name, each in seen)
