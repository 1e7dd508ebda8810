"""What both sides answer, told to the guards that ask whether it has drifted."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from serving.contract import Tensors
from serving.gateway.inference.answer_rows import Labels, read_all
from serving.gateway.inference.answered import Answered
from serving.gateway.releases.guard import GuardJudge
from serving.gateway.releases.running import Running
from serving.gateway.telemetry import metrics

_BLOCK_SECONDS = 0.5
_MAX_WAITING = 5_000  # answers of one block; more of them would tell little more


class _Seen(NamedTuple):
    judge: GuardJudge
    model: str
    version: int
    route: str
    outputs: Tensors


class SeenAnswers:
    """An onlooker of predictions; `running` are the releases by model."""

    def __init__(self, running: Mapping[str, Running]) -> None:
        self._running = running
        self._seen: list[_Seen] = []

    def __call__(self, answered: Answered) -> None:
        """See an answer, of which a guard may want to know."""
        model, route = answered.question.ref.name, answered.context.route
        running = self._running.get(model)
        if running is None or running.candidate is None or not running.asks_for_drift:
            return
        if route is not None and route != metrics.PINNED and len(self._seen) < _MAX_WAITING:
            seen = _Seen(running.judge, model, answered.version, route, answered.outputs)
            self._seen.append(seen)

    async def follow(self) -> None:
        """Tell the guards what gathers, until cancelled."""
        while True:
            await asyncio.sleep(_BLOCK_SECONDS)
            if self._seen:
                await self.tell()

    async def tell(self) -> None:
        """Tell the guards what has gathered."""
        seen, self._seen = self._seen, []
        answers = [((each.model, each.version), each.outputs) for each in seen]
        all_rows = await asyncio.to_thread(read_all, answers)
        for each, rows in zip(seen, all_rows, strict=True):
            if rows is not None:
                told = rows.labels if isinstance(rows, Labels) else rows.numbers
                each.judge.observe_answers(each.route, told)
