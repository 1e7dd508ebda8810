"""Requests that are asked once more: which of them share a call, and how the answers compare."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from serving.contract import Tensors, concatenate, split
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.client import Answer
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.releases.comparison import Comparison, compare
from serving.gateway.releases.disagreements import Disagreement, Disagreements
from serving.gateway.releases.running import Running
from serving.gateway.telemetry import metrics


@dataclass(frozen=True, eq=False)
class Copy:
    """A request that has been answered, and is asked of a version in another role."""

    answered: Answered
    version: int
    role: str
    running: Running
    num_bytes: int

    @property
    def question(self) -> Question:
        """What is asked. The answer is compared, and not held against what another promises."""
        asked = self.answered.question
        ref = ModelRef(asked.ref.name, self.version)
        return Question(ref, asked.signature, asked.outputs, asked.joinable)

    @property
    def num_rows(self) -> int:
        """How many rows it brings to a call."""
        is_joinable = self.answered.question.joinable
        return len(next(iter(self.answered.inputs.values()))) if is_joinable else 1

    @property
    def kin(self) -> Hashable:
        """What is equal for those that may share a call and a comparison."""
        answered = self.answered
        if not answered.question.joinable:
            return id(self)
        tensors = (*answered.inputs.items(), *answered.outputs.items())
        shapes = tuple([(name, array.dtype, array.shape[1:]) for name, array in tensors])
        return self.role, self.question, id(self.running), answered.version, shapes

    @property
    def is_compared(self) -> bool:
        """Whether one of the two answers is stable's; the candidate's is no measure of a shadow."""
        return self.role == metrics.STABLE or self.answered.version == self.running.stable

    @property
    def judged(self) -> tuple[int, str]:
        """The version that is held against stable, and its role."""
        if self.role == metrics.SHADOW:
            return self.version, metrics.SHADOW
        return self.answered.version, metrics.CANDIDATE


@dataclass(frozen=True)
class Compared:
    """What came of a call: row by row, request by request, and which are to be looked at."""

    rows: Comparison
    of_requests: list[tuple[int, int]]  # rows, and how many of them disagree
    disagreements: list[Disagreement]


def calls(copies: Iterable[Copy], max_rows: int) -> Iterator[list[Copy]]:
    """Share copies out among calls of so many rows; one that has more is alone."""
    kin: dict[Hashable, list[Copy]] = defaultdict(list)
    for copy in copies:
        kin[copy.kin].append(copy)
    for family in kin.values():
        call: list[Copy] = []
        room = max_rows
        for copy in family:
            if call and copy.num_rows > room:
                yield call
                call, room = [], max_rows
            call.append(copy)
            room -= copy.num_rows
        yield call


def inputs_of(call: list[Copy]) -> Tensors:
    """Return the inputs of all."""
    return _joined([copy.answered.inputs for copy in call])


def compare_all(
    call: list[Copy], answer: Answer, tolerance: float, disagreements: Disagreements
) -> Compared:
    """Compare what was answered to each with its part of one answer to all."""
    rows = compare(_joined([copy.answered.outputs for copy in call]), answer.outputs, tolerance)
    sizes = [copy.num_rows for copy in call] if len(call) > 1 else [rows.num_rows]
    ends = np.cumsum(sizes).tolist()
    flags = [rows.disagrees[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    of_requests = [(len(each), int(np.count_nonzero(each))) for each in flags]
    parts = [answer.outputs]
    if len(call) > 1 and rows.num_disagreeing:
        parts = split(answer.outputs, sizes)
    found = [
        disagreements.describe(
            copy.answered, Answer(answer.version, part), copy.role, flagged, rows.reason
        )
        for copy, part, flagged in zip(call, parts, flags, strict=False)
        if flagged.any()
    ]
    return Compared(rows, of_requests, found)


def _joined(parts: list[Tensors]) -> Tensors:
    return parts[0] if len(parts) == 1 else concatenate(parts)
