"""Whether an input is like what a version has learned from, as it stands beside an answer.

The familiarity that a version gives is a conformal p-value: the share of held-out examples that are
at most as like the training data as the input is. So a share of 0.05 of ordinary inputs lies below
0.05, whatever measures the likeness. Source: R. Laxhammar, G. Falkman, "Conformal Prediction for
Distribution-Independent Anomaly Detection in Streaming Vessel Data", StreamKDD 2010.
"""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from serving.contract import Tensors, TensorSpec

FAMILIARITY = "familiarity"  # an output
FAMILIARITY_SPEC = TensorSpec("float32")
THRESHOLD = 0.05  # of ordinary inputs, this share is taken for a stranger

UNFAMILIAR = "unlike anything the model was trained on: take the answer for a guess"


class Familiarity(TypedDict):
    """How far an input is like what the version has learned from."""

    score: Annotated[
        float,
        Field(ge=0, le=1, description="share of ordinary inputs that are at most as familiar"),
    ]
    threshold: Annotated[float, Field(description="below it, an input is unfamiliar")]
    message: Annotated[str | None, Field(description="what that means, for an unfamiliar input")]


def familiarities(outputs: Tensors, num_rows: int) -> list[Familiarity | None]:
    """Give the familiarity of each row; None throughout of a version that does not tell it."""
    scores = outputs.get(FAMILIARITY)
    if scores is None:
        return [None] * num_rows
    return [
        {
            "score": round(score, 4),
            "threshold": THRESHOLD,
            "message": UNFAMILIAR if score < THRESHOLD else None,
        }
        for score in scores.tolist()
    ]
