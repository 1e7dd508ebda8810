"""The time that a request allows in its parameters, beside what its headers allow."""

import asyncio

from serving.errors import DeadlineExceeded
from serving.gateway.dialects.calls import Asked, Asking
from serving.gateway.dialects.open_inference.refusals import wrong_request
from serving.gateway.inference.client import Answer


def seconds(timeout: int | None) -> float | None:
    """Return the time that a request's parameter allows, which is in microseconds; 0 is any.

    Raises:
        InvalidInput: it is less than nothing.
    """
    if timeout is not None and timeout < 0:
        raise wrong_request(f"timeout is {timeout}; accepted are microseconds, such as 500000")
    return timeout / 1_000_000 if timeout else None


async def predict_within(seconds: float | None, model: Asking, asked: Asked) -> Answer:
    """Have tensors answered in the time that their request says it has; None is any.

    Raises:
        DeadlineExceeded: it was not enough.
        TfgateError: what `model.predict` raises.
    """
    if seconds is None:
        return await model.predict(asked)
    try:
        async with asyncio.timeout(seconds):
            return await model.predict(asked)
    except TimeoutError as error:
        message = f"there was no answer within the {seconds:g} seconds that the request allows"
        raise DeadlineExceeded(message) from error
