"""Two limits without a model: a bare ASGI function, and FastAPI with tfgate's own house in and out.

Run as `python -m bench.echo bare` or `fastapi`; PORT says where.
"""

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI

from serving.models.housing import HousingRequest, HousingResponse, Interval

_ANSWER = b'{"price_usd":388865.0}'


async def bare(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> None:
    """Read the body and answer with a constant."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"22")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})


fastapi = FastAPI()


@fastapi.post("/predict/housing")
async def predict(house: HousingRequest) -> HousingResponse:
    """Validate a house and answer with a price that depends on nothing else."""
    price = house.median_income * 50_000
    interval = Interval(
        low=price * 0.8, high=price * 1.2, coverage=0.9, open_below=None, open_above=None
    )
    return HousingResponse(price_usd=price, interval_usd=interval, warnings=[], familiarity=None)


if __name__ == "__main__":
    application: Any = {"bare": bare, "fastapi": fastapi}[sys.argv[1]]
    uvicorn.run(application, port=int(os.environ["PORT"]), access_log=False, log_level="warning")
