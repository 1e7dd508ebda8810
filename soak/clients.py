"""Clients that ask a gateway one question after another, and tell what came of each."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from soak.questions import Question

# Who is refused asks again soon: sooner than Retry-After says, to see when service is back.
PAUSE_SECONDS = 0.05
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Outcome:
    """What came of one request; times are those of time.monotonic()."""

    question: Question
    started: float
    ended: float
    status: int
    retry_after: str | None
    document: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether there is a prediction."""
        return self.status == 200

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started


class Clients:
    """Several clients in a thread, as long as the context lasts; `hear` is called there.

    Each keeps its connection open. What cannot be asked at all, because the gateway does not
    answer, is raised at the context's end.
    """

    def __init__(
        self,
        url: str,
        questions: Sequence[Question],
        hear: Callable[[Outcome], None],
        *,
        num_clients: int = 8,
    ) -> None:
        self._url = url
        self._questions = questions
        self._hear = hear
        self._num_clients = num_clients
        self._stopped = False
        self._executor = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._done = self._executor.submit(asyncio.run, self._ask_all())
        return self

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._stopped = True
        self._executor.shutdown()
        self._done.result()

    async def _ask_all(self) -> None:
        async with asyncio.TaskGroup() as clients:
            for number in range(self._num_clients):
                clients.create_task(self._ask(number))

    async def _ask(self, number: int) -> None:
        choice = random.Random(number)  # noqa: S311 - no secret depends on it
        async with httpx.AsyncClient(base_url=self._url, timeout=TIMEOUT_SECONDS) as client:
            while not self._stopped:
                outcome = await _post(client, choice.choice(self._questions))
                self._hear(outcome)
                if not outcome.ok:
                    await asyncio.sleep(PAUSE_SECONDS)


async def _post(client: httpx.AsyncClient, question: Question) -> Outcome:
    started = time.monotonic()
    answer = await client.post(
        question.path, content=question.body, headers={"Content-Type": "application/json"}
    )
    return Outcome(
        question,
        started,
        time.monotonic(),
        answer.status_code,
        answer.headers.get("Retry-After"),
        answer.json(),
    )
