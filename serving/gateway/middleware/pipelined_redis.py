"""A client of Redis for many small questions at once, each of which pays little for its way."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from redis import exceptions
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

_Question = tuple[tuple[Any, ...], dict[str, Any], "asyncio.Future[Any]"]


class PipelinedRedis(Redis):
    """Sends what is asked while an answer is awaited together, over one connection.

    Question by question, each on a connection from a pool, the library takes five times as long;
    and hundreds of connections at once take longer than anybody may wait.
    """

    def __init__(self, url: str, *, patience_seconds: float) -> None:
        """Prepare a connection; a trip may take so long, and a question waits for two at most.

        The first of them connects, too. The time may be set to another at any time.
        """
        pool = ConnectionPool.from_url(
            url,
            # Once, and at once: the connection may be to a server that was replaced since.
            retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
            # A trip is timed as a whole.
            socket_timeout=None,
            socket_connect_timeout=None,
        )
        super().__init__(connection_pool=pool)
        self.patience_seconds = patience_seconds
        self._waiting: list[_Question] = []
        self._sending: asyncio.Task[None] | None = None

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:
        """Ask with whatever else is asked meanwhile.

        Raises:
            RedisError, OSError: it cannot be asked, or refuses; TimeoutError among the latter.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, options, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await answer

    async def _send(self) -> None:
        while self._waiting:
            questions, self._waiting = self._waiting, []
            try:
                answers = await self._in_time(self._travel(questions))
            # Whatever it is, it is raised for each who waits: nobody may wait for ever.
            except Exception as error:  # noqa: BLE001
                # Who has come meanwhile would fare no better.
                questions += self._waiting
                self._waiting = []
                answers = [error] * len(questions)
            for (_, _, future), answer in zip(questions, answers, strict=True):
                # Who has left meanwhile takes none.
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        self._sending = None

    async def _in_time(self, travel: Coroutine[Any, Any, list[Any]]) -> list[Any]:
        patience_seconds = self.patience_seconds
        trip = asyncio.create_task(travel)
        # In two halves: when the loop itself has stood still, the first may end before what has
        # long arrived is read.
        for _ in range(2):
            done, _ = await asyncio.wait({trip}, timeout=patience_seconds / 2)
            if done:
                return trip.result()
        trip.cancel()
        # Not for ever: the library may take this for the end of a timeout of its own, and go on.
        await asyncio.wait({trip}, timeout=patience_seconds)
        message = f"no answer within {patience_seconds} s"
        raise TimeoutError(message)

    async def _travel(self, questions: list[_Question]) -> list[Any]:
        trip = self.pipeline(transaction=False)
        for arguments, options, _ in questions:
            trip.execute_command(*arguments, **options)
        return await trip.execute(raise_on_error=False)
