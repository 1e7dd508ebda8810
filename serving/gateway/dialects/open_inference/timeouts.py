"""The time that a request allows in its parameters, beside what its headers allow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from serving.errors import DeadlineExceeded


@asynccontextmanager
async def within(seconds: float | None) -> AsyncIterator[None]:
    """Allow a request the time that it says it has.

    Raises:
        DeadlineExceeded: it was not enough.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        message = f"there was no answer within the {seconds:g} seconds that the request allows"
        raise DeadlineExceeded(message) from error
