"""The time that a request allows in its parameters, beside what its headers allow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from serving.errors import DeadlineExceeded
from serving.gateway.dialects.open_inference.refusals import wrong_request


def seconds(timeout: int | None) -> float | None:
    """Return the time that a request's parameter allows, which is in microseconds; 0 is any.

    Raises:
        InvalidInput: it is less than nothing.
    """
    if timeout is not None and timeout < 0:
        raise wrong_request(f"timeout is {timeout}; accepted are microseconds, such as 500000")
    return timeout / 1_000_000 if timeout else None


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
