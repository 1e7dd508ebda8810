"""Sentiment of a text: what a request is, how its text is cleaned, and what the scores mean."""

import html
import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from serving.card import ModelCard
from serving.contract import Model, Signature, Tensors, TensorSpec
from serving.errors import FieldError, InvalidInput

MAX_CHARACTERS = 20_000

Probability = Annotated[float, Field(ge=0, le=1)]

# A tag begins with a letter right after "<" or "</", so that "5 < 6 > 4" and "<3" stay.
# A comment that is never closed takes the rest, as in a browser; looking for its end again at every
# "<!--" would cost the square of the length.
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--.*?(?:-->|\Z)", re.DOTALL)
# Normalisation sorts runs of combining marks, at a cost of the square of their length; no language
# has runs above 30. Source: Stream-Safe Text Format, Unicode Standard Annex 15, section 13.
_MARKS = "".join(mark for mark in map(chr, range(0x300, 0x1E950)) if unicodedata.combining(mark))
_LONG_RUN = re.compile(f"([{_MARKS}]{{30}})[{_MARKS}]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class SentimentRequest(BaseModel):
    """A text whose sentiment is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="English text, such as a film review; HTML tags are ignored",
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
    """Return the text as a reader would see it: no HTML, Unicode NFC, single spaces.

    Training cleans its texts with this same function, so both sides see the same words.
    """
    visible = _TAG.sub(" ", html.unescape(text))
    if not visible.isprintable():
        visible = _CONTROL.sub(" ", visible)
    if not visible.isascii():
        visible = unicodedata.normalize("NFC", _LONG_RUN.sub(r"\1", visible))
    return " ".join(visible.split())


def preprocess(requests: Sequence[SentimentRequest]) -> Tensors:
    """Clean the texts.

    Raises:
        InvalidInput: nothing is left of one.
    """
    texts = [clean(request.text) for request in requests]
    if not all(texts):
        message = "the text holds no visible character: only white space, tags or control codes"
        raise InvalidInput(message, fields=[FieldError("text", message)])
    return {"text": np.array([text.encode() for text in texts], dtype=object)}


def preprocess_seconds(requests: Sequence[SentimentRequest]) -> float:
    """Estimate: a text full of combining marks takes the longest."""
    return 2e-7 * sum(len(request.text) for request in requests)


def postprocess(
    _inputs: Tensors, outputs: Tensors, _card: ModelCard | None
) -> list[SentimentResponse]:
    """Name the class with the highest score of each text."""
    columns = (outputs["classes"].tolist(), outputs["scores"].tolist())
    return [_answer(*each) for each in zip(*columns, strict=True)]


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
        outputs={"classes": TensorSpec("string", (2,)), "scores": TensorSpec("float32", (2,))},
    ),
    example=SentimentRequest(
        text="A warm, funny film with a cast that never puts a foot wrong. I loved it!"
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    preprocess_seconds=preprocess_seconds,
    max_call_rows=32,
)
