"""Who may ask: looks for an API key in each request, and at how often it has been used."""

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from functools import lru_cache

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import Forbidden, RateLimited, Unauthenticated
from serving.gateway.middleware.keys import Key, KeyRing, WrongKeys
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext

_LOGGER = logging.getLogger("tfgate.keys")
_POLL_SECONDS = 1
# What probes ask, and what explains the gateway to people who have no key yet.
_OPEN_PATHS = {"/", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/healthz", "/readyz"}
_OPEN_FOLDERS = ("/errors/", "/readyz/", "/static-offline-docs/")
_BEARER = b"bearer "


class Authentication:
    """ASGI middleware that lets requests through whose key is known, meant for them, not spent.

    Whatever else comes is refused by an error of ours, which the log of requests answers. The rates
    of a key are counted in this process alone.
    """

    def __init__(self, app: ASGIApp, ring: KeyRing) -> None:
        self.app = app
        self._ring = ring
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        _initialise_metrics(ring)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http" or not is_guarded(scope["path"]):
            await self.app(scope, receive, send)
            return
        await self._check(scope["state"]["context"])
        await self.app(scope, receive, send)

    async def _check(self, context: RequestContext) -> None:
        presented = _presented(context.headers)
        if presented is None:
            raise Unauthenticated("the request has no API key")
        key = self._ring.find(presented)
        if key is None:
            raise Unauthenticated("the API key is unknown, or has been revoked")
        context.key = key.name
        model = context.model
        if model not in (None, metrics.UNKNOWN_MODEL) and not key.may_ask(model):
            _count(key, metrics.KEY_FORBIDDEN)
            raise Forbidden(f"the key {key.name} is not for the model {model}")
        for rate in _rates(key):
            if not await self._limiter.hit(rate, key.name):
                _count(key, metrics.KEY_RATE_LIMITED)
                raise await self._rate_limited(key, rate)
        _count(key, metrics.KEY_ACCEPTED)

    async def _rate_limited(self, key: Key, rate: RateLimitItem) -> RateLimited:
        window = await self._limiter.get_window_stats(rate, key.name)
        seconds = max(1, math.ceil(window.reset_time - time.time()))
        message = f"the key {key.name} is good for {rate}, and has been used as often"
        return RateLimited(message, retry_after_seconds=seconds)


async def follow(ring: KeyRing) -> None:
    """Take over changes of the file of keys, until cancelled."""
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        try:
            changed = ring.refresh()
        except WrongKeys as error:
            metrics.KEYS_FILE_VALID.set(0)
            _LOGGER.error("the keys from before go on to count: %s", error)
            continue
        if changed:
            metrics.KEYS_FILE_VALID.set(1)
            _initialise_metrics(ring)
            names = ", ".join(ring.names())
            if names:
                _LOGGER.info("the keys are now those of %s", names)
            else:
                _LOGGER.warning("no key is left: nobody may ask")


def _initialise_metrics(ring: KeyRing) -> None:
    for name in ring.names():
        for outcome in metrics.KEY_OUTCOMES:
            metrics.KEY_REQUESTS.labels(name, outcome)


@lru_cache
def _rates(key: Key) -> list[RateLimitItem]:
    """Return the rates, the shortest first: what that one refuses does not count for the others."""
    return sorted(map(parse, key.rates), key=lambda rate: rate.get_expiry())


def is_guarded(path: str) -> bool:
    """Tell whether a path needs a key."""
    return path not in _OPEN_PATHS and not path.startswith(_OPEN_FOLDERS)


def _presented(headers: Mapping[bytes, bytes]) -> bytes | None:
    authorization = headers.get(b"authorization", b"")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return headers.get(b"x-api-key")


def _count(key: Key, outcome: str) -> None:
    metrics.KEY_REQUESTS.labels(key.name, outcome).inc()
