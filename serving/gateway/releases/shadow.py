"""Copies: what one version has answered, another is asked as well, and nobody hears it.

The shadow is asked a share of all requests, and stable is asked a share of the candidate's. A copy
begins after the answer has left, and is the first thing that is dropped under load. Copies gather
for a moment and share calls, and their answers are compared together: each by itself would cost the
gateway as much as the request did.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import numpy as np

from serving.contract import Tensors
from serving.errors import PayloadTooLarge, PredictionFailed, RejectedByModel
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.client import Answer
from serving.gateway.inference.model_ref import Question
from serving.gateway.releases.comparison import Comparison
from serving.gateway.releases.copied import Copy, calls, compare_all, inputs_of
from serving.gateway.releases.disagreements import Disagreements, num_bytes
from serving.gateway.releases.running import Running
from serving.gateway.releases.split import position
from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.releases")

GATHER_SECONDS = 0.1
# Of one model, gathering and out: what comes within a fifth of a second at 2,500 a second. One that
# hangs takes no more of the gateway's memory, or of the model server's places.
MOST_COPIES = 512
_MOST_BYTES = 32_000_000  # of their inputs and answers: twice what one call takes
# From so much on, a comparison is run in a thread: it takes longer than a request.
_SLOW_BYTES = 200_000
_WORD_SECONDS = 60.0  # between two lines of the log
# What one row alone can bring upon a whole call.
_ROW_FAULTS = (PayloadTooLarge, PredictionFailed, RejectedByModel)

Ask = Callable[[Question, Tensors], Awaitable[Answer]]


class Copies:
    """Those of one model; an onlooker of its answers.

    A share is drawn by a hash of the request's id: replicas and repetitions draw the same.
    """

    def __init__(
        self,
        model: str,
        running: Callable[[], Running | None],
        ask: Ask,
        is_busy: Callable[[], bool],
        *,
        max_rows: int,
        keep_inputs: bool = False,
    ) -> None:
        """`ask` takes no longer than callers would wait; `max_rows` may share a call.

        `keep_inputs` lets the inputs of the last disagreements be kept.
        """
        self.model = model
        self.disagreements = Disagreements(keep_inputs=keep_inputs)
        self._running = running
        self._ask = ask
        self._is_busy = is_busy
        self._max_rows = max_rows
        self._gathered: list[Copy] = []
        self._num_held = self._bytes_held = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._uncounted: Counter[tuple[int, str, str]] = Counter()
        self._num_failed = 0
        self._next_word = 0.0

    def __call__(self, answered: Answered) -> None:
        """See an answer that is about to leave."""
        running, context = self._running(), answered.context
        if running is None or context.route == metrics.PINNED:
            return
        shadow, candidate = running.release.shadow, running.release.candidate
        if shadow is not None and self._draws(metrics.SHADOW, shadow.percent, answered):
            self._take_later(answered, shadow.version, metrics.SHADOW, running)
        if (
            candidate is not None
            and context.route == metrics.CANDIDATE
            and self._draws(metrics.STABLE, candidate.compare, answered)
        ):
            self._take_later(answered, running.stable, metrics.STABLE, running)

    async def close(self) -> None:
        """Cancel all that are out."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._count_all()

    def _draws(self, role: str, percent: float, answered: Answered) -> bool:
        if percent in {0, 100}:
            return percent == 100
        salt = f"copy:{self.model}:{role}:".encode()
        return 100 * position(salt, answered.context.request_id.encode()) < percent

    def _take_later(self, answered: Answered, version: int, role: str, running: Running) -> None:
        """Take a copy once the answer has left, unless it is to be dropped."""
        if self._is_busy():
            self._count(version, role, metrics.COPY_DROPPED_BUSY)
            return
        take = partial(self._take, answered, version, role, running)
        before = answered.context.after
        if before is None:
            answered.context.after = take
            return

        def both() -> None:
            before()
            take()

        answered.context.after = both

    def _take(self, answered: Answered, version: int, role: str, running: Running) -> None:
        size = num_bytes(answered.inputs) + num_bytes(answered.outputs)
        if self._num_held >= MOST_COPIES or self._bytes_held + size > _MOST_BYTES:
            self._count(version, role, metrics.COPY_DROPPED_BOUND)
            return
        self._num_held += 1
        self._bytes_held += size
        self._gathered.append(Copy(answered, version, role, running, size))
        self._wake()

    def _wake(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(GATHER_SECONDS, self._leave)

    def _leave(self) -> None:
        """Begin a task for each call of what has gathered, and count what has become of others."""
        self._timer = None
        gathered, self._gathered = self._gathered, []
        for call in calls(gathered, self._max_rows):
            task = asyncio.get_running_loop().create_task(self._serve(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._count_all()

    async def _serve(self, call: list[Copy]) -> None:
        try:
            await self._ask_all(call)
        finally:
            self._num_held -= len(call)
            self._bytes_held -= sum([copy.num_bytes for copy in call])

    async def _ask_all(self, call: list[Copy]) -> None:
        """Ask a version; if one row may have spoilt it for the others, for each half of them.

        One after the other: where all fail, it is then asked little at a time.
        """
        try:
            began = time.monotonic()
            answer = await self._ask(call[0].question, inputs_of(call))
            seconds = time.monotonic() - began
            if call[0].is_compared:
                await self._compare(call, answer)
        except Exception as error:  # noqa: BLE001  # nobody waits for it: nobody else is told
            if len(call) == 1 or not isinstance(error, _ROW_FAULTS):
                self._fail(call, error)
                return
            half = len(call) // 2
            await self._ask_all(call[:half])
            await self._ask_all(call[half:])
            return
        version, role = call[0].version, call[0].role
        self._count(version, role, metrics.COPY_OK, len(call))
        spread = np.full(len(call), seconds)
        metrics.COPY_SECONDS.labels(self.model, str(version), role).observe_all(spread)

    async def _compare(self, call: list[Copy], answer: Answer) -> None:
        running = call[0].running
        run = partial(compare_all, call, answer, running.guard.tolerance, self.disagreements)
        is_slow = sum([copy.num_bytes for copy in call]) > _SLOW_BYTES
        compared = await asyncio.to_thread(run) if is_slow else run()
        self.disagreements.add(compared.disagreements)
        version, role = call[0].judged
        _measure(compared.rows, (self.model, str(version), role))
        if role == metrics.CANDIDATE:
            for num_rows, num_disagreeing in compared.of_requests:
                if num_rows:
                    running.judge.observe_comparison(num_rows, num_disagreeing)

    def _fail(self, call: list[Copy], error: Exception) -> None:
        version, role = call[0].version, call[0].role
        self._count(version, role, metrics.COPY_FAILED, len(call))
        self._num_failed += len(call)
        now = time.monotonic()
        if now >= self._next_word:
            _LOGGER.warning(
                "%d copies of requests to %s have failed; the last, of version %d, the %s: %r",
                *(self._num_failed, self.model, version, role, error),
            )
            self._num_failed, self._next_word = 0, now + _WORD_SECONDS

    def _count(self, version: int, role: str, outcome: str, number: int = 1) -> None:
        self._uncounted[version, role, outcome] += number
        self._wake()

    def _count_all(self) -> None:
        uncounted, self._uncounted = self._uncounted, Counter()
        for (version, role, outcome), number in uncounted.items():
            _ = metrics.SERIES[self.model, version]  # with it, they are dropped
            metrics.COPIES.labels(self.model, str(version), role, outcome).inc(number)


def _measure(rows: Comparison, labels: tuple[str, str, str]) -> None:
    metrics.COMPARED_ROWS.labels(*labels).inc(rows.num_rows)
    metrics.DISAGREEING_ROWS.labels(*labels).inc(rows.num_disagreeing)
    if rows.labels_agree is not None:
        metrics.COMPARED_LABELS.labels(*labels).inc(rows.num_rows)
        metrics.AGREEING_LABELS.labels(*labels).inc(int(np.count_nonzero(rows.labels_agree)))
    distances = (rows.total_variation, rows.relative_difference)
    for name, distance in zip(metrics.DISTANCES, distances, strict=True):
        if distance is not None:
            metrics.ANSWER_DISTANCE.labels(*labels, name).observe_all(distance)
