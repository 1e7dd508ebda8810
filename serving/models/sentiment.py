"""Sentiment of a text: what a request is, how its text is cleaned, and what the scores mean."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from serving.card import ModelCard
from serving.class_sets import P_VALUES, ClassSet, class_sets
from serving.contract import Explanation, Model, Signature, Tensors, TensorSpec
from serving.errors import FieldError, InvalidInput
from serving.familiarity import FAMILIARITY, FAMILIARITY_SPEC, Familiarity, familiarities
from serving.rows import columns
from serving.texts.characters import plain
from serving.texts.contributions import WordContribution
from serving.texts.markup import shown
from serving.texts.origins import trace

MAX_CHARACTERS = 20_000
METHOD = "n-grams shared by their words, and integrated gradients of the LSTM from words of nothing"

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
    familiarity: Annotated[
        Familiarity | None, Field(description="null of a version that does not tell it")
    ]
    class_sets: Annotated[
        list[ClassSet] | None,
        Field(
            description="classes that hold the true one with a promised probability; null of a "
            "version that promises none"
        ),
    ]


class SentimentExplanation(TypedDict):
    """Which words the answer comes from."""

    label: Annotated[str, Field(description="the class that contributions speak for")]
    base: Annotated[
        float, Field(description="log-odds of the label for a text of as many words of nothing")
    ]
    words: Annotated[
        list[WordContribution],
        Field(description="in their order; with the base they add up to the label's log-odds"),
    ]
    method: str


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
    told = familiarities(outputs, len(scores)), class_sets(outputs, len(scores))
    return [_answer(*each) for each in zip(classes, scores, *told, strict=True)]


def _answer(
    classes: list[bytes],
    scores: list[float],
    familiarity: Familiarity | None,
    sets: list[ClassSet] | None,
) -> SentimentResponse:
    labels = [label.decode() for label in classes]
    confidence, label = max(zip(scores, labels, strict=True))
    return {
        "label": label,
        "confidence": confidence,
        "probabilities": dict(zip(labels, scores, strict=True)),
        "familiarity": familiarity,
        "class_sets": sets,
    }


def explain(
    requests: Sequence[SentimentRequest], _inputs: Tensors, outputs: Tensors
) -> list[SentimentExplanation]:
    """Say of each word where it was sent, and what it adds for the second class."""
    [texts] = columns(requests, "text")
    names = ("words", "starts", "ends", "contributions")
    rows = zip(
        texts,
        outputs["classes"][:, 1].tolist(),
        outputs["base"].tolist(),
        *(outputs[name].tolist() for name in names),
        strict=True,
    )
    return [
        {
            "label": label.decode(),
            "base": base,
            "words": _words(text, *column),
            "method": METHOD,
        }
        for text, label, base, *column in rows
    ]


def _words(
    text: str,
    words: list[bytes],
    starts: list[int],
    ends: list[int],
    contributions: list[float],
) -> list[WordContribution]:
    sent = trace(text)
    return [
        {
            "start": sent.starts[start] if start < end else 0,
            "end": sent.ends[end - 1] if start < end else 0,
            "text": word.decode(),
            "contribution": round(contribution, 6),
        }
        for word, start, end, contribution in zip(words, starts, ends, contributions, strict=True)
        if word  # on the right of short texts there is none
    ]


def measure(inputs: Tensors, outputs: Tensors) -> Tensors:
    """Give how long the texts are, and what was answered."""
    texts, scores = inputs["text"].tolist(), outputs["scores"]
    best = scores.argmax(axis=1)[:, None]  # [batch, 1]
    known = {
        "text.characters": np.array([len(text.decode()) for text in texts], np.float64),
        "text.words": np.array([text.count(b" ") + 1 for text in texts], np.float64),
        "answer.label": np.take_along_axis(outputs["classes"], best, axis=1)[:, 0],
        "answer.confidence": scores.max(axis=1).astype(np.float64),
    }
    if FAMILIARITY in outputs:
        known[FAMILIARITY] = outputs[FAMILIARITY].astype(np.float64)
    return known


MODEL = Model(
    request=SentimentRequest,
    response=SentimentResponse,
    signature=Signature(
        inputs={"text": TensorSpec("string")},
        outputs={
            "classes": TensorSpec("string", (None, 2)),
            "scores": TensorSpec("float32", (None, 2)),
            P_VALUES: TensorSpec("float32", (None, 2)),
            FAMILIARITY: FAMILIARITY_SPEC,
        },
        optional_outputs=frozenset({P_VALUES, FAMILIARITY}),
    ),
    example=SentimentRequest(
        text="A warm, funny film with a cast that never puts a foot wrong. I loved it!"
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    preprocess_seconds=preprocess_seconds,
    max_call_rows=32,
    reads_columns=True,
    explanation=Explanation(
        outputs={
            "base": TensorSpec("float32"),
            "words": TensorSpec("string", (None, None)),
            "starts": TensorSpec("int32", (None, None)),
            "ends": TensorSpec("int32", (None, None)),
            "contributions": TensorSpec("float32", (None, None)),
        },
        response=SentimentExplanation,
        postprocess=explain,
    ),
    measure=measure,
)
