"""Sentiment of a text: what a request is, how its text is cleaned, and what the scores mean."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from serving.card import ModelCard
from serving.contract import Model, Signature, Tensors, TensorSpec
from serving.errors import FieldError, InvalidInput
from serving.rows import columns
from serving.texts.characters import plain
from serving.texts.markup import shown

MAX_CHARACTERS = 20_000

Probability = Annotated[float, Field(ge=0, le=1)]


class SentimentRequest(BaseModel):
    """A text whose sentiment is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="English text, such as a film review; of HTML, what a browser shows is read",
        examples=["A warm, funny film with a cast that never puts a foot wrong. I loved it!"],
    )


class SentimentResponse(TypedDict):
    """The more probable sentiment of the text."""

    label: Annotated[
        str, Field(description="the class with the highest probability", examples=["positive"])
    ]
    confidence: Annotated[
        Probability, Field(description="probability of the label", examples=[0.98])
    ]
    probabilities: Annotated[
        dict[str, Probability],
        Field(
            description="calibrated probability of each class; they sum to 1",
            examples=[{"negative": 0.02, "positive": 0.98}],
        ),
    ]


def clean(text: str) -> str:
    """Return the text as a reader would see it: no HTML, one form of each character, single spaces.

    Training cleans its texts with this same function, so both sides see the same words.
    """
    return plain(shown(text))


def preprocess(requests: Sequence[SentimentRequest]) -> Tensors:
    """Clean the texts.

    Raises:
        InvalidInput: nothing is left of one.
    """
    [given] = columns(requests, "text")
    texts = [clean(text) for text in given]
    if not all(texts):
        message = (
            "the text holds no visible character: only white space, markup or what shows nothing"
        )
        raise InvalidInput(message, fields=[FieldError("text", message)])
    return {"text": np.array([text.encode() for text in texts], dtype=object)}


def preprocess_seconds(requests: Sequence[SentimentRequest]) -> float:
    """Estimate: tags and what is not ASCII take the longest, such as marks to be put in order."""
    texts: Sequence[str] = columns(requests, "text")[0]
    num_wide_bytes = sum(len(text.encode()) - len(text) for text in texts)
    num_tags = sum(text.count("<") for text in texts)
    return 1.5e-7 * sum(map(len, texts)) + 1e-6 * num_wide_bytes + 2e-6 * num_tags


def postprocess(
    _inputs: Tensors, outputs: Tensors, _card: ModelCard | None
) -> list[SentimentResponse]:
    """Name the class with the highest score of each text."""
    classes, scores = outputs["classes"].tolist(), outputs["scores"].tolist()
    return [_answer(*each) for each in zip(classes, scores, strict=True)]


def _answer(classes: list[bytes], scores: list[float]) -> SentimentResponse:
    labels = [label.decode() for label in classes]
    confidence, label = max(zip(scores, labels, strict=True))
    return {
        "label": label,
        "confidence": confidence,
        "probabilities": dict(zip(labels, scores, strict=True)),
    }


MODEL = Model(
    request=SentimentRequest,
    response=SentimentResponse,
    signature=Signature(
        inputs={"text": TensorSpec("string")},
        outputs={
            "classes": TensorSpec("string", (None, 2)),
            "scores": TensorSpec("float32", (None, 2)),
        },
    ),
    example=SentimentRequest(
        text="A warm, funny film with a cast that never puts a foot wrong. I loved it!"
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    preprocess_seconds=preprocess_seconds,
    max_call_rows=32,
    reads_columns=True,
)
