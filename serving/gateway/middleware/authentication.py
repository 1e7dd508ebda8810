"""Who may ask: looks for an API key in each request, and at how often it has been used."""

import asyncio
import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import Forbidden, PayloadTooLarge, RateLimited, Unauthenticated
from serving.gateway.middleware.keys import Key, KeyRing, Rate, WrongKeys, parse_rate
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext

if TYPE_CHECKING:
    from limits import RateLimitItem

    from serving.gateway.middleware.shared_rates import SharedRates

_LOGGER = logging.getLogger("tfgate.keys")
_POLL_SECONDS = 1
# What probes ask, and what explains the gateway to people who have no key yet.
_OPEN_PATHS = {"/", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/healthz", "/readyz"}
_OPEN_FOLDERS = (
    *("/errors/", "/page/", "/readyz/", "/static-offline-docs/", "/v2/health/"),
    "/inference.GRPCInferenceService/Server",  # …Live, …Ready and …Metadata
)
_MAX_NAME = 100  # characters of a model's name that are told
_BEARER = b"bearer "
_ROUNDING_SECONDS = 0.001  # more than the limiter is off by, which computes with large numbers
_UNTIL = "%Y-%m-%d %H:%M %Z"


class Authentication:
    """ASGI middleware that lets requests through whose key is known, meant for them, not spent.

    Whatever else comes is refused by an error of ours, which the log of requests answers. The rates
    of a key are counted where gateways share them, or in this process alone; those of rows when a
    request's rows are known.
    """

    def __init__(self, app: ASGIApp, ring: KeyRing, shared: "SharedRates | None") -> None:
        # Not at the top: the package takes 2 MB, and most gateways have no keys.
        from limits.aio.storage import MemoryStorage  # noqa: PLC0415
        from limits.aio.strategies import SlidingWindowCounterRateLimiter  # noqa: PLC0415

        self.app = app
        self._ring = ring
        self._storage = shared or MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        _initialise_metrics(ring)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http" or not is_guarded(scope["path"]):
            await self.app(scope, receive, send)
            return
        key = await self._admit(scope["state"]["context"])
        outcome = metrics.KEY_ACCEPTED
        try:
            await self.app(scope, receive, send)
        except RateLimited:
            outcome = metrics.KEY_RATE_LIMITED
            raise
        except Forbidden:
            outcome = metrics.KEY_FORBIDDEN
            raise
        finally:
            _count(key, outcome)

    async def _admit(self, context: RequestContext) -> Key:
        presented = _presented(context.headers)
        if presented is None:
            raise Unauthenticated("the request has no API key")
        key = self._ring.find(presented)
        if key is None:
            raise Unauthenticated("the API key is unknown, or has been revoked")
        context.key = key.name
        if key.has_expired(datetime.now(UTC)):
            _count(key, metrics.KEY_EXPIRED)
            message = f"the key {key.name} has expired: it was good until {key.expires:{_UNTIL}}"
            raise Unauthenticated(message, hint="Ask the operators for a new key.")
        model = context.model
        context.permit = partial(_permit, key)
        if model not in (None, metrics.UNKNOWN_MODEL):
            try:
                _permit(key, model)
            except Forbidden:
                _count(key, metrics.KEY_FORBIDDEN)
                raise
        rates = _rates(key)
        try:
            await self._pay(key, [rate.limit for rate in rates if not rate.of_rows], "requests", 1)
        except RateLimited:
            _count(key, metrics.KEY_RATE_LIMITED)
            raise
        if of_rows := [rate.limit for rate in rates if rate.of_rows]:
            context.charge = partial(self._pay, key, of_rows, "rows")
        return key

    async def _pay(self, key: Key, rates: list["RateLimitItem"], what: str, number: int) -> None:
        """Count so many requests or rows against a key's rates.

        Raises:
            PayloadTooLarge: they are more than a rate ever lets through.
            RateLimited: they are more than are left for now.
        """
        for rate in rates:
            if number > rate.amount:
                message = (
                    f"the batch has {number} rows, and the key {key.name} is good for "
                    f"{_words(rate, what)}: it would never pass"
                )
                hint = f"Split the batch: send at most {rate.amount} instances at once."
                raise PayloadTooLarge(message, hint=hint)
        for rate in rates:
            if not await self._limiter.hit(rate, key.name, what, cost=number):
                message = f"the key {key.name} is good for {_words(rate, what)}, and has been used"
                seconds = await self._seconds_until(rate, (key.name, what), number)
                left = f"{message} too often for {number} more {what}"
                raise RateLimited(left, retry_after_seconds=seconds)

    async def _seconds_until(self, rate: "RateLimitItem", who: tuple[str, str], number: int) -> int:
        """Say when so many would pass, if nothing else came: the limiter tells it only of one.

        It counts what came in this window of time, and of what came in the window before the share
        that still lies within a window's length of now.
        """
        length, room = rate.get_expiry(), rate.amount - number + 1
        window = await self._storage.get_sliding_window(rate.key_for(*who), length)
        before, before_ends, current, current_ends = window
        if before and current < room:
            seconds = before_ends - (room - current) * length / before
        else:
            # In the next window, of what came in this one a share counts that shrinks as well.
            seconds = (current_ends - length) + length * max(0, 1 - room / max(current, 1))
        # A window may end, or the shared counts become unreachable, after these have refused.
        return max(0, math.floor(seconds + _ROUNDING_SECONDS)) + 1


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


def _permit(key: Key, model: str) -> None:
    """See that a key is for a model.

    Raises:
        Forbidden: it is not.
    """
    if not key.may_ask(model):
        raise Forbidden(f"the key {key.name} is not for the model {model[:_MAX_NAME]}")


@lru_cache
def _rates(key: Key) -> list[Rate]:
    """Return the rates, the shortest first: what that one refuses does not count for the others."""
    return sorted(map(parse_rate, key.rates), key=lambda rate: rate.limit.get_expiry())


def _words(rate: "RateLimitItem", what: str) -> str:
    """Say a rate with what it counts: "50 rows per 1 minute"."""
    return str(rate).replace(" per ", f" {what} per ", 1)


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
