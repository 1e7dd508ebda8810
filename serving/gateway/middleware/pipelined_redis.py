"""A client of Redis for many small questions at once, each of which pays little for its way."""

import asyncio
from typing import Any

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
        """Prepare a connection; a trip may take so long, and a question waits for two at most."""
        pool = ConnectionPool.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            # A trip is timed as a whole.
            socket_timeout=None,
            socket_connect_timeout=None,
        )
        super().__init__(connection_pool=pool)
        self._patience_seconds = patience_seconds
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
            answers = await self._answers(questions)
            for (_, _, future), answer in zip(questions, answers, strict=True):
                # Who has left meanwhile takes none.
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        self._sending = None

    async def _answers(self, questions: list[_Question]) -> list[Any]:
        try:
            async with asyncio.timeout(self._patience_seconds):
                trip = self.pipeline(transaction=False)
                for arguments, options, _ in questions:
                    trip.execute_command(*arguments, **options)
                return await trip.execute(raise_on_error=False)
        # Whatever it is, it is raised for each who waits: nobody may wait for ever.
        except Exception as error:  # noqa: BLE001
            return [error] * len(questions)
