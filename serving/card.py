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


class Slice(Variant):
    """The figures of those examples of which something holds, as far as their scatter is known."""

    by: str = Field(description="what is told of an example, such as the words of a text")
    count: int = Field(description="examples")
    standard_errors: dict[str, float] = Field(description="of each of the figures")


class Numbers(_Frozen):
    """How many numbers a version holds, by how it came by them; single ones are left out."""

    trained: int = Field(description="weights of the network that were trained")
    frozen: int = Field(description="weights of the network that were set before and kept so")
    statistics: int = Field(description="means and variances that the network keeps of its layers")
    features: int = Field(
        description="in tables before the network, fitted or remembered: what is known of inputs"
    )
    answer: int = Field(description="in tables after the network, by which its outputs are judged")


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


class Histogram(_Frozen):
    """How one quantity was spread over the held-out examples of the development data.

    A number lies in one bin more than there are `edges`, each of which belongs to the bin above it;
    a text, in the bin of its name among `categories`, or in the one after them. The last of the
    `shares` is that of the values that were missing.
    """

    quantity: str
    edges: list[float] | None = Field(default=None, description="of numbers, in order")
    categories: list[str] | None = Field(default=None, description="of texts")
    shares: list[float] = Field(description="of the examples, a bin each; they sum to 1")
    count: int = Field(description="examples")


class Strangers(_Frozen):
    """How well inputs that are unlike the training data are told from the test part."""

    name: str
    count: int
    noticed: float = Field(description="share whose familiarity is below the threshold")
    auroc: float = Field(
        description="probability that one of the test part is more familiar than one of these"
    )
    auroc_of_confidence: float | None = Field(
        default=None, description="the same of the confidence in the most probable class"
    )


class Familiarity(_Frozen):
    """How it is told whether an input is like what was learned from, and how well that works."""

    method: str
    threshold: float = Field(description="below it, an input is told to be unlike what was learned")
    false_alarms: float = Field(description="share of the test part that is below the threshold")
    strangers: list[Strangers] = []


class ClassSet(_Frozen):
    """Sets of classes that hold the true one with a promised probability, on the test part."""

    coverage: float = Field(description="as promised")
    measured: float = Field(description="share of examples whose true class is in the set")
    mean_size: float = Field(description="classes in a set")


class FaithfulnessCurve(_Frozen):
    """What becomes of an answer as what was said to weigh most is taken away, or given back."""

    name: str
    shares: list[float] = Field(description="of the input that is taken away, or given back")
    explained: list[float] = Field(description="what is left of the answer, in that order")
    random: list[float] = Field(description="the same in a random order")


class ExplanationQuality(_Frozen):
    """How explanations are made, and how far they can be trusted, on held-out examples."""

    method: str
    completeness: float = Field(
        description="the largest difference between an answer and what its explanation adds up to"
    )
    unit: str = Field(description="of the contributions")
    curves: list[FaithfulnessCurve] = []


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
    probes: list[Variant] = Field(
        default=[], description="figures on examples that were written to be difficult, by kind"
    )
    slices: list[Slice] = Field(
        default=[], description="test figures of parts of the test part, by what is told of inputs"
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
    histograms: list[Histogram] = Field(
        default=[], description="of quantities of inputs and answers, for drift to be seen by"
    )
    familiarity: Familiarity | None = Field(
        default=None, description="whether the version tells what it has not learned"
    )
    class_sets: list[ClassSet] = Field(default=[], description="of classes, by their coverage")
    explanation: ExplanationQuality | None = Field(
        default=None, description="of the signature explain, if the version has it"
    )
    parameters: int = Field(
        description="number of trained weights; all of the network's where numbers are not told"
    )
    numbers: Numbers | None = Field(default=None, description="that the version holds, by kind")
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
