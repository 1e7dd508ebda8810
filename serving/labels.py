"""Labels of which several may apply, and the main one among them, as a version answers with them.

A version gives each label a score and a threshold, and, of the labels that are often the main one,
how probable each is to be it.
"""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from serving.contract import Tensors, TensorSpec

MAIN = "main_"  # before the names of the outputs that are about the main label
NUM_NAMED = 5  # of the most probable main labels

Probability = Annotated[float, Field(ge=0, le=1)]


class Label(TypedDict):
    """A label that applies."""

    name: str
    score: Annotated[Probability, Field(description="how probable it is that it applies")]
    threshold: Annotated[Probability, Field(description="the score from which on it is named")]


class Labelling(TypedDict):
    """The main label, and all that apply."""

    label: Annotated[str, Field(description="the most probable main label")]
    confidence: Annotated[Probability, Field(description="probability that it is the main one")]
    probabilities: Annotated[
        dict[str, Probability], Field(description=f"of the {NUM_NAMED} most probable main labels")
    ]
    labels: Annotated[list[Label], Field(description="all that apply, the surest first; or none")]


def label_outputs(num_labels: int, num_mains: int) -> dict[str, TensorSpec]:
    """Give the outputs of a signature: of all labels, and of those that may be the main one."""
    return {
        "classes": TensorSpec("string", (None, num_labels)),
        "scores": TensorSpec("float32", (None, num_labels)),
        "thresholds": TensorSpec("float32", (None, num_labels)),
        f"{MAIN}classes": TensorSpec("string", (None, num_mains)),
        f"{MAIN}scores": TensorSpec("float32", (None, num_mains)),
    }


def labellings(outputs: Tensors) -> list[Labelling]:
    """Say in words what the outputs mean, row by row."""
    names = label_outputs(0, 0)  # in their order
    columns = zip(*(outputs[name].tolist() for name in names), strict=True)
    return [_labelling(*row) for row in columns]


def _labelling(
    names: list[bytes],
    scores: list[float],
    thresholds: list[float],
    main_names: list[bytes],
    main_scores: list[float],
) -> Labelling:
    mains = sorted(zip(main_scores, main_names, strict=True), reverse=True)[:NUM_NAMED]
    ranked = sorted(zip(scores, names, thresholds, strict=True), reverse=True)
    return {
        "label": mains[0][1].decode(),
        "confidence": mains[0][0],
        "probabilities": {name.decode(): score for score, name in mains},
        "labels": [
            {"name": name.decode(), "score": score, "threshold": threshold}
            for score, name, threshold in ranked
            if score >= threshold
        ],
    }
