"""What is kept of a disagreement: who asked and what was answered, and of the inputs a digest."""

import json
from dataclasses import asdict
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from serving.contract import Tensors
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.client import Answer
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.releases.disagreements import (
    MOST_KEPT,
    Disagreement,
    Disagreements,
    digest,
    num_bytes,
)
from serving.gateway.telemetry.request_context import RequestContext

TEXTS = {"text": np.array([b"a secret", b"another"], object)}
ANSWER = {"scores": np.array([[0.25, 0.75], [0.5, 0.5]]), "label": np.array([b"a", b"b"], object)}


def describe(
    disagreements: Disagreements,
    *,
    inputs: Tensors = TEXTS,
    answer: Tensors = ANSWER,
    other: Tensors = ANSWER,
    disagrees: tuple[bool, ...] = (False, True),
    request_id: str = "r",
) -> Disagreement:
    context = RequestContext(request_id, "POST", "/", {})
    answered = Answered(Question(ModelRef("m", 1)), inputs, answer, 1, 0.01, context)
    reason = None if other.keys() == answer.keys() else "they have other outputs"
    return disagreements.describe(answered, Answer(2, other), "shadow", np.array(disagrees), reason)


def test_the_first_row_that_disagrees_is_shown() -> None:
    other = {"scores": np.array([[0.25, 0.75], [1, 0]]), "label": np.array([b"a", b"c"], object)}

    found = describe(Disagreements(), other=other)

    assert (found.request_id, found.version, found.other_version) == ("r", 1, 2)
    assert found.other_role == "shadow"
    assert (found.num_rows, found.num_disagreeing, found.row) == (2, 1, 1)
    assert found.answer == {"scores": [0.5, 0.5], "label": ["b"]}
    assert found.other_answer == {"scores": [1, 0], "label": ["c"]}


def test_the_last_ones_are_kept_the_newest_first() -> None:
    disagreements = Disagreements()
    for number in range(MOST_KEPT + 10):
        disagreements.add([describe(disagreements, request_id=f"r{number}")])

    ids = [each.request_id for each in disagreements.latest()]
    assert ids == [f"r{number}" for number in range(MOST_KEPT + 9, 9, -1)]


def test_inputs_are_kept_only_if_allowed() -> None:
    assert describe(Disagreements()).inputs is None
    assert "secret" not in json.dumps(asdict(describe(Disagreements())), default=str)

    kept = describe(Disagreements(keep_inputs=True)).inputs

    assert kept == {"text": ["a secret", "another"]}


def test_large_inputs_are_not_kept_and_have_a_digest_still() -> None:
    pixels = {"pixels": np.zeros((1, 32, 32, 24), np.uint8)}

    found = describe(Disagreements(keep_inputs=True), inputs=pixels)

    assert found.inputs is None
    assert found.inputs_sha256 == digest(pixels)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (np.array([[np.nan, np.inf, 1]], np.float32), ["nan", "inf", 1]),
        (np.array([0.5], ml_dtypes.bfloat16), [0.5]),
        (np.array([7], np.int64), [7]),
        (np.array([True]), [True]),
        (np.array([b"\xff" + 300 * b"x"], object), ["\\xff" + 196 * "x"]),
        (np.zeros((1, 100)), [0] * 20),
        (np.float32(0.5).reshape(()), [0.5]),
    ],
)
def test_answers_are_shown_in_short_and_can_be_written_as_json(
    values: Any, shown: list[Any]
) -> None:
    found = describe(Disagreements(), answer={"y": values}, disagrees=(True,))

    assert json.loads(json.dumps(found.answer, allow_nan=False)) == {"y": shown}


def test_an_answer_of_other_rows_is_shown_too() -> None:
    short = {"y": np.array([1.0])}

    found = describe(Disagreements(), other=short, disagrees=(False, True))

    assert found.other_answer == {"y": [1]}
    assert found.reason == "they have other outputs"


def test_equal_inputs_have_the_same_digest_in_every_process() -> None:
    one = {"a": np.array([1, 2], np.int32), "b": np.array([b"x", b""], object)}
    same = {"b": np.array([b"x", b""], object), "a": np.array([1, 9, 2, 9], np.int32)[::2]}

    assert digest(one) == digest(same)
    assert digest(one) == "5c19197e786b242fcf4bb4dcacefc7c693a050fb682f1d49a3bd13931a217136"


@pytest.mark.parametrize(
    "other",
    [
        {"a": np.array([1, 3], np.int32)},
        {"b": np.array([1, 2], np.int32)},
        {"a": np.array([1, 2], np.int64)},
        {"a": np.array([1, 2], np.uint32)},
        {"a": np.array([[1, 2]], np.int32)},
        {"a": np.array([1, 2], np.int32), "b": np.array([], np.int32)},
        {"a": np.array([b"1", b"2"], object)},
        {"a": np.array([b"12", b""], object)},
        {"a": np.array([b"", b"12"], object)},
        {},
    ],
)
def test_other_inputs_have_another_digest(other: Tensors) -> None:
    every = [{"a": np.array([1, 2], np.int32)}, {"a": np.array([b"1", b"2:"], object)}, other]

    assert len({digest(each) for each in every}) == 3


def test_numbers_and_texts_are_weighed() -> None:
    assert num_bytes({"a": np.zeros((2, 3), np.float32), **TEXTS}) == 24 + 15
