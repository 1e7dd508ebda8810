"""Work that goes on beside the requests, for as long as the gateway runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_LOGGER = logging.getLogger("tfgate.error")
_PAUSE_SECONDS = 5
_GRACE_SECONDS = 1  # to clean up in

Work = Callable[[], Awaitable[None]]


@asynccontextmanager
async def running(work: Work) -> AsyncIterator[None]:
    """Run work that never ends by itself; a defect in it is told, and does not end it either."""
    task = asyncio.create_task(_keep(work))
    try:
        yield
    finally:
        # More than once: redis takes a cancellation that comes together with the end of a timeout
        # of its own for that alone, and goes on.
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_GRACE_SECONDS)


async def _keep(work: Work) -> None:
    while True:
        try:
            await work()
        # The last resort, as for a request: what metrics and keys depend on may not end in silence.
        except Exception:
            _LOGGER.exception("unexpected error beside the requests; beginning again")
        await asyncio.sleep(_PAUSE_SECONDS)
