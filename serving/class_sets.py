"""Sets of classes that hold the true one with a promised probability, beside an answer.

A version gives each class a conformal p-value: the share of held-out examples whose true class
looked at most as probable as this one does. The classes whose value is above 1 - coverage hold the
true one with at least that coverage. Source: V. Vovk, A. Gammerman, G. Shafer, "Algorithmic
Learning in a Random World", 2005; M. Sadinle, J. Lei, L. Wasserman, "Least Ambiguous Set-Valued
Classifiers with Bounded Error Levels", JASA 114 (2019).
"""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from serving.contract import Tensors

P_VALUES = "p_values"  # an output, float32[batch, class], in the order of `classes`
COVERAGES = (0.9, 0.95)


class ClassSet(TypedDict):
    """Classes one of which is the true one, as often as stated over all inputs together."""

    coverage: Annotated[
        float,
        Field(
            description="share of inputs like those of the training whose true class is among them"
        ),
    ]
    labels: Annotated[list[str], Field(description="the most probable first")]


def class_sets(outputs: Tensors, num_rows: int) -> list[list[ClassSet] | None]:
    """Give the sets of each row; None throughout of a version that has none.

    The most probable class is always in them: nobody is helped by an empty set.
    """
    if P_VALUES not in outputs:
        return [None] * num_rows
    columns = outputs["classes"].tolist(), outputs["scores"].tolist(), outputs[P_VALUES].tolist()
    return [_sets(*row) for row in zip(*columns, strict=True)]


def _sets(classes: list[bytes], scores: list[float], p_values: list[float]) -> list[ClassSet]:
    ranked = sorted(zip(scores, classes, p_values, strict=True), key=lambda each: -each[0])
    return [
        {
            "coverage": coverage,
            "labels": [
                label.decode()
                for place, (_, label, p_value) in enumerate(ranked)
                if place == 0 or p_value > 1 - coverage
            ],
        }
        for coverage in COVERAGES
    ]
