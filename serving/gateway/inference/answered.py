"""What may be looked at once a model has answered."""

from typing import NamedTuple

from serving.contract import Tensors
from serving.gateway.inference.model_ref import Question
from serving.gateway.telemetry.request_context import RequestContext


class Answered(NamedTuple):
    """A request of tensors with its answer; the question's reference has the version's number.

    `seconds` are those that the model took, with the wait for a call; the context says who asked,
    and by which route it came to the version. `explanation` has what the signature `explain` gave
    besides, if that was asked.
    """

    question: Question
    inputs: Tensors
    outputs: Tensors
    version: int
    seconds: float
    context: RequestContext
    explanation: Tensors | None = None
