"""How long a request is worked on: until its deadline, or until its client has gone."""

import asyncio
import time
from types import TracebackType
from typing import Self

from starlette.types import Receive

from serving.errors import ClientDisconnected

_TICK_SECONDS = 0.01


class Ticker:
    """Looks after all who wait, every hundredth of a second.

    A timer each would be exact, and dearer than validating, preprocessing and postprocessing a
    small request together.
    """

    def __init__(self) -> None:
        self._waiting: set[Patience] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, patience: "Patience") -> None:
        """Begin to look after a request."""
        self._waiting.add(patience)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def remove(self, patience: "Patience") -> None:
        """Leave a request alone."""
        self._waiting.discard(patience)

    def _tick(self) -> None:
        now = time.monotonic()
        for patience in self._waiting:
            patience.look(now)
        self._timer = None
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)


class Patience:
    """Cancels what runs inside when the deadline passes, or when the client closes its connection.

    Either is noticed a tick late at most. It listens to the client only once `body_read` is set,
    for until then somebody else does, and not within the first ticks, in which most are answered.

    Raises:
        TimeoutError: the deadline has passed.
        ClientDisconnected: the client has gone.
    """

    def __init__(self, ticker: Ticker, receive: Receive, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self.body_read = False
        self._ticker = ticker
        self._receive = receive
        self._ticks = 0
        self._ended_by: TimeoutError | ClientDisconnected | None = None
        self._listener: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._ticker.add(self)
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._ticker.remove(self)
        if self._listener is not None:
            self._listener.cancel()
        if self._ended_by is None or self._task is None:
            return
        # Whoever else has cancelled the task, such as a server that stops, means it as it is.
        if self._task.uncancel() == 0 and error_type is asyncio.CancelledError:
            raise self._ended_by from error

    def look(self, now: float) -> None:
        """See whether the deadline has passed, and whether it is time to listen to the client."""
        self._ticks += 1
        if now >= self.deadline:
            self._end(TimeoutError())
        elif self._ticks > 1 and self.body_read and self._listener is None:
            self._listener = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        # After the body, ASGI has nothing else to say.
        await self._receive()
        self._end(ClientDisconnected("the client closed the connection before it was answered"))

    def _end(self, ended_by: TimeoutError | ClientDisconnected) -> None:
        if self._ended_by is None and self._task is not None:
            self._ended_by = ended_by
            self._task.cancel()
