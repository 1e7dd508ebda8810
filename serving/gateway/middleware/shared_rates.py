"""The counts of the keys' rates in Redis or Valkey, for every gateway and worker that shares it.

While it cannot be asked, each process counts for itself. Knows nothing of keys, nor of requests.
"""

import asyncio
import logging
from typing import Any

from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from redis.exceptions import RedisError

from serving.gateway.middleware.pipelined_redis import PipelinedRedis
from serving.gateway.store import without_login
from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.keys")
_KEY_PREFIX = "tfgate:rates"
_PAUSE_SECONDS = 1  # between two looks
_UNLIMITED = 1_000_000_000
# A Redis near by answers within a millisecond. While nobody waits, it may take its time to connect.
_PATIENCE_SECONDS = 0.2
_PATIENCE_OF_LOOKS_SECONDS = 5
_MAX_TOLD = 200  # characters of what Redis says
_FAILURES = (RedisError, OSError)


class SharedRates(RedisStorage):
    """What `limits` counts with; no request fails, or waits for long, because Redis does.

    A look each second finds out whether it can be asked. A request that finds first that it cannot
    is the last to have waited for it: until a look succeeds, nobody else tries.
    """

    bridge: RedispyBridge

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_shared: bool | None = None  # until the first look
        self._alone = MemoryStorage()
        self._client = PipelinedRedis(url, patience_seconds=_PATIENCE_OF_LOOKS_SECONDS)
        super().__init__(url, implementation="redispy", key_prefix=_KEY_PREFIX)
        metrics.RATES_UNSHARED.set(1)

    def configure_bridge(self) -> None:
        """Have `limits` ask with our client, in place of one that it would make."""
        client: Any = self._client  # whose types are not those that `limits` has in mind
        self.bridge.connection_getter = lambda _: client

    async def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        """Count so many, unless they are more than the limit leaves room for."""
        if self._is_shared:
            try:
                return await super().acquire_sliding_window_entry(key, limit, expiry, amount)
            except _FAILURES as error:
                self._leave(error)
        return await self._alone.acquire_sliding_window_entry(key, limit, expiry, amount)

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return what the window before this one has counted, and when it ends; and this one."""
        if self._is_shared:
            try:
                return await super().get_sliding_window(key, expiry)
            except _FAILURES as error:
                self._leave(error)
        return await self._alone.get_sliding_window(key, expiry)

    async def keep_looking(self) -> None:
        """See each second whether Redis can be asked, until cancelled."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            await self._client.aclose(close_connection_pool=True)

    async def _look(self) -> None:
        try:
            # As for a key, on a count that nobody needs: a replica, which may only be read, answers
            # a ping.
            await super().acquire_sliding_window_entry("look", _UNLIMITED, expiry=1)
        except _FAILURES as error:
            self._leave(error)
            return
        if not self._is_shared:
            self._is_shared = True
            self._client.patience_seconds = _PATIENCE_SECONDS
            metrics.RATES_UNSHARED.set(0)
            _LOGGER.info("the keys' rates are counted in %s", without_login(self._url))

    def _leave(self, error: Exception) -> None:
        if self._is_shared is False:
            return
        self._is_shared = False
        self._client.patience_seconds = _PATIENCE_OF_LOOKS_SECONDS
        metrics.RATES_UNSHARED.set(1)
        _LOGGER.warning(
            "each process counts the keys' rates for itself until %s can be asked: %s",
            without_login(self._url),
            " ".join(str(error).split())[:_MAX_TOLD],
        )
