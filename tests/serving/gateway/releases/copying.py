"""Copies without a gateway: answers that are made up, and versions that answer as they are told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from serving.contract import Tensors
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.client import Answer
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.releases.release import Release
from serving.gateway.releases.running import Running
from serving.gateway.releases.shadow import Copies
from serving.gateway.telemetry.request_context import RequestContext

MODEL = "copied"
STABLE, CANDIDATE, SHADOW = 1, 2, 3
MAX_ROWS = 4


def doubled(inputs: Tensors) -> Tensors:
    return {"y": 2 * inputs["x"]}


@dataclass
class Other:
    """The versions that are asked as well: what each call was, and what comes of it."""

    answer: Callable[[Tensors], Tensors] = doubled
    calls: list[tuple[ModelRef, list[float]]] = field(default_factory=list)
    error: Callable[[list[float]], Exception | None] = lambda _: None
    hangs: bool = False

    async def __call__(self, question: Question, inputs: Tensors) -> Answer:
        numbers = inputs["x"].tolist()
        self.calls.append((question.ref, numbers))
        if self.hangs:
            await asyncio.Event().wait()
        if (error := self.error(numbers)) is not None:
            raise error
        assert question.ref.version is not None
        return Answer(question.ref.version, self.answer(inputs))

    @property
    def numbers(self) -> list[float]:
        """What was asked of the shadow, over all calls."""
        return [n for ref, numbers in self.calls if ref.version == SHADOW for n in numbers]


def release(**more: Any) -> Running:
    parts = {"stable": STABLE, **more}
    running = Running(MODEL, Release.model_validate(parts), {})
    running.choose({STABLE, CANDIDATE, SHADOW})
    return running


def copies(other: Callable[..., Awaitable[Answer]], running: Running | None, **more: Any) -> Copies:
    is_busy = more.pop("is_busy", lambda: False)
    return Copies(MODEL, lambda: running, other, is_busy, max_rows=MAX_ROWS, **more)


def answered(
    *numbers: float,
    route: str = "stable",
    version: int = STABLE,
    request_id: str = "r",
    outputs: Tensors | None = None,
    joinable: bool = True,
) -> Answered:
    inputs = {"x": np.array(numbers, np.float32)}
    context = RequestContext(request_id, "POST", "/", {}, MODEL, route=route)
    question = Question(ModelRef(MODEL, version), joinable=joinable)
    return Answered(question, inputs, outputs or doubled(inputs), version, 0.01, context)


def leave(seen: Answered) -> None:
    """Let the answer have left."""
    if seen.context.after is not None:
        seen.context.after()


def show(copying: Copies, *all_seen: Answered) -> None:
    for seen in all_seen:
        copying(seen)
        leave(seen)
