"""What every version answers to every question, computed from the version's own files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from serving.card import ModelCard
from serving.models import MODELS
from soak.clients import Outcome
from soak.questions import Question
from training.serving_graph import to_tensorflow

# Float32 differs in the last digits with the number of rows that share a call.
RELATIVE_TOLERANCE = 1e-4
ABSOLUTE_TOLERANCE = 1e-5


class KnownAnswers:
    """The right predictions, by question and version; TensorFlow gives them in this process."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = questions
        self._answers: dict[tuple[Question, int], list[Any]] = {}

    def learn(self, model: str, version: int, folder: Path) -> None:
        """Compute what a version answers.

        Raises:
            ValueError: it answers most questions as the version before does, so that nobody could
                tell which of them has answered.
        """
        loaded = tf.saved_model.load(str(folder)).signatures
        text = loaded["describe"](request=tf.constant([""]))["card"].numpy()[0]
        card = ModelCard.model_validate_json(text)
        alike = []
        for question in self._questions:
            if question.model == model:
                answer = _predict(loaded["serving_default"], question, card)
                alike.append(_close(answer, self._answers.get((question, version - 1))))
                self._answers[question, version] = answer
        if sum(alike) > len(alike) / 2:
            message = f"versions {version} and {version - 1} of {model} answer alike"
            raise ValueError(message)

    def to(self, question: Question, version: int) -> list[Any]:
        """Return what a version answers to a question, instance by instance."""
        return self._answers[question, version]

    def is_right(self, outcome: Outcome) -> bool:
        """Tell whether predictions are those of the version that they are said to come from."""
        known = self._answers.get((outcome.question, outcome.document["version"]))
        if outcome.question.batch:
            return _close(outcome.document["predictions"], known)
        return _close([outcome.document["prediction"]], known)


def _predict(signature: Any, question: Question, card: ModelCard) -> list[Any]:
    model = MODELS[question.model]
    inputs = model.preprocess(question.requests)
    tensors = signature(**to_tensorflow(inputs))
    # A version may lack some.
    given = model.signature.outputs.keys() & tensors.keys()
    outputs = {name: tensors[name].numpy() for name in given}
    return model.postprocess(inputs, outputs, card)


def _close(answer: Any, known: Any) -> bool:
    match answer, known:
        case float(), float():
            return math.isclose(
                answer, known, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE
            )
        case list(), list():
            return len(answer) == len(known) and all(map(_close, answer, known))
        case dict(), dict():
            return answer.keys() == known.keys() and all(
                _close(answer[key], known[key]) for key in answer
            )
        case _:
            return bool(answer == known)
