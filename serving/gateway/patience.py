"""How long a request is worked on: until its deadline, or until its client has gone."""

import asyncio
import time
from types import TracebackType
from typing import Self

from starlette.types import Receive

from serving.errors import ClientDisconnected

# Most answers are ready sooner. To listen from the start would cost as much as all other waiting.
_SECONDS_UNHEARD = 0.02


class Patience:
    """Cancels what runs inside when the deadline passes, or when the client closes its connection.

    It listens to the client once `body_read` is set, for until then somebody else does.

    Raises:
        TimeoutError: the deadline has passed.
        ClientDisconnected: the client has gone.
    """

    def __init__(self, receive: Receive, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self.body_read = False
        self._receive = receive
        self._ended_by: TimeoutError | ClientDisconnected | None = None
        self._listener: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._timer = self._loop.call_later(
            min(_SECONDS_UNHEARD, self.deadline - time.monotonic()), self._look
        )
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._listener is not None:
            self._listener.cancel()
        if self._ended_by is None or self._task is None:
            return
        # Whoever else has cancelled the task, such as a server that stops, means it as it is.
        if self._task.uncancel() == 0 and error_type is asyncio.CancelledError:
            raise self._ended_by from error

    def _look(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            self._end(TimeoutError())
            return
        if self.body_read and self._listener is None:
            self._listener = self._loop.create_task(self._listen())
        self._timer = self._loop.call_later(
            left if self._listener else min(_SECONDS_UNHEARD, left), self._look
        )

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end(ClientDisconnected("the client closed the connection before it was answered"))

    def _end(self, ended_by: TimeoutError | ClientDisconnected) -> None:
        if self._ended_by is None and self._task is not None:
            self._ended_by = ended_by
            self._task.cancel()
