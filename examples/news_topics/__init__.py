"""Topics of a newswire: what a request is, and what the scores mean."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from serving import words_left_out
from serving.card import ModelCard
from serving.contract import Explanation, Model, Signature, Tensors, TensorSpec
from serving.errors import FieldError, InvalidInput
from serving.labels import Labelling, label_outputs, labellings

NUM_TOPICS = 90  # those of R90
NUM_MAIN_TOPICS = 46  # those of Keras' task
MAX_CHARACTERS = 20_000
EXAMPLE = "WHEAT EXPORTS RISE. Exports of wheat rose to 2.1 mln tonnes last week, traders said."


class NewswireRequest(BaseModel):
    """A newswire whose topics are wanted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="English text of a newswire, its headline first",
        examples=[EXAMPLE],
    )


def preprocess(requests: Sequence[NewswireRequest]) -> Tensors:
    """Clean the texts, as training cleans its own.

    Raises:
        InvalidInput: nothing is left of one.
    """
    texts = [words_left_out.read(request.text) for request in requests]
    if not all(texts):
        message = "the text holds no visible character"
        raise InvalidInput(message, fields=[FieldError("text", message)])
    return {"text": np.array(texts, dtype=object)}


def postprocess(_inputs: Tensors, outputs: Tensors, _card: ModelCard | None) -> list[Labelling]:
    """Name the main topic of each newswire, and all that apply."""
    return labellings(outputs)


def explain(
    requests: Sequence[NewswireRequest], _inputs: Tensors, outputs: Tensors
) -> list[words_left_out.WordsExplanation]:
    """Say which words the main topic comes from."""
    return words_left_out.explanations([request.text for request in requests], outputs)


def measure(inputs: Tensors, outputs: Tensors) -> Tensors:
    """Give how long the texts are, and what was answered."""
    texts, scores = inputs["text"].tolist(), outputs["main_scores"]
    best = scores.argmax(axis=1)[:, None]  # [batch, 1]
    num_topics = (outputs["scores"] >= outputs["thresholds"]).sum(axis=1)
    return {
        "text.words": np.array([len(text.split()) for text in texts], np.float64),
        "answer.label": np.take_along_axis(outputs["main_classes"], best, axis=1)[:, 0],
        "answer.confidence": scores.max(axis=1).astype(np.float64),
        "answer.labels": num_topics.astype(np.float64),
    }


MODEL = Model(
    request=NewswireRequest,
    response=Labelling,
    signature=Signature(
        inputs={"text": TensorSpec("string")},
        outputs=label_outputs(NUM_TOPICS, NUM_MAIN_TOPICS),
    ),
    example=NewswireRequest(text=EXAMPLE),
    preprocess=preprocess,
    postprocess=postprocess,
    preprocess_seconds=lambda requests: 2e-7 * sum(len(request.text) for request in requests),
    max_call_rows=32,
    measure=measure,
    explanation=Explanation(
        outputs=words_left_out.OUTPUTS,
        response=words_left_out.WordsExplanation,
        postprocess=explain,
    ),
)
