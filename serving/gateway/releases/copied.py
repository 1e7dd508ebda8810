"""Requests that are asked once more: which of them share a call, and how the answers compare."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from serving.contract import Tensors, concatenate
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.client import Answer
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.releases.comparison import Comparison, compare
from serving.gateway.releases.disagreements import Disagreement, Disagreements
from serving.gateway.releases.running import Running
from serving.gateway.telemetry import metrics

# Of one call: where all disagree, a few of them show it as well, ten times a second.
_MOST_DESCRIBED = 5


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
        answered, asked = self.answered, self.answered.question
        if not asked.joinable:
            return id(self)
        # A version's own signature says the rest, such as dtypes.
        arrays = [*answered.inputs.values(), *answered.outputs.values()]
        shapes = tuple([array.shape[1:] for array in arrays])
        names = tuple(answered.inputs)
        sides = self.version, self.role, answered.version, id(self.running)
        return asked.signature, asked.outputs, sides, names, shapes

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
    which = [n for n, (_, disagreeing) in enumerate(of_requests) if disagreeing]
    found = []
    for n in which[:_MOST_DESCRIBED]:
        others = answer.outputs
        if len(call) > 1:
            others = {name: array[ends[n] - sizes[n] : ends[n]] for name, array in others.items()}
        other = Answer(answer.version, others)
        found.append(
            disagreements.describe(call[n].answered, other, call[n].role, flags[n], rows.reason)
        )
    return Compared(rows, of_requests, found)


def _joined(parts: list[Tensors]) -> Tensors:
    return parts[0] if len(parts) == 1 else concatenate(parts)
