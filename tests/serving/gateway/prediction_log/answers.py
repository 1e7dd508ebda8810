"""Answers as onlookers are shown them, and what the log makes of them."""

from typing import Any

import numpy as np

from serving.gateway.inference.answered import Answered
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.prediction_log.digests import digest_with
from serving.gateway.prediction_log.kept import Way, keep
from serving.gateway.prediction_log.records import Record, records_of
from serving.gateway.telemetry.request_context import RequestContext


def answered(request_id: str = "id", model: str = "m", x: Any = None, **outputs: Any) -> Answered:
    """Make an answer of two rows, or of the outputs that are given."""
    inputs = {"x": np.arange(2.0) if x is None else x}
    context = RequestContext(request_id, "POST", "/path", {})
    outputs = outputs or {"y": np.arange(2)}
    return Answered(Question(ModelRef(model, 3)), inputs, outputs, 3, 0.01, context)


def records(each: Answered, way: Way = "keep", key: bytes = b"k" * 32) -> list[Record]:
    """Write the records of an answer."""
    ways: dict[str, Way] = {"*": way}
    return list(records_of(keep(each, 0, ways), ways, digest_with(key)))
