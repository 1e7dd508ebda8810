"""The store in Redis or Valkey, which any number of gateways share; each key expires by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import orjson
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from serving.gateway.feedback.answers import Asked, KeptAnswer, read_answer, write_answer
from serving.gateway.feedback.store import VERDICT_SECONDS, Availability, Join, Side
from serving.gateway.feedback.sums import Amounts
from serving.gateway.store import without_login

_ANSWER_SECONDS = 2  # within which it connects and answers
_VERDICTS = "tfgate:verdicts"
_AT = "at"

# An answer is a hash: of it, and of each row whose truth has come. Sums are one of a model's.
# Amounts come as text, for Lua would write its numbers with fewer digits.
_JOIN = """
if redis.call('HGET', KEYS[1], 'answer') ~= ARGV[1] then return false end
local new = {}
for index, amounts in pairs(cjson.decode(ARGV[2])) do
    if redis.call('HSETNX', KEYS[1], index, '1') == 1 then
        new[#new + 1] = index
        for name, amount in pairs(amounts) do
            redis.call('HINCRBYFLOAT', KEYS[2], ARGV[3] .. name, amount)
        end
    end
end
if #new > 0 then
    redis.call('HSET', KEYS[2], ARGV[3] .. 'at', ARGV[4])
    redis.call('EXPIRE', KEYS[2], ARGV[5])
end
return new
"""


class RedisStore:
    """A store in a server of its own."""

    def __init__(self, address: str, *, kept_seconds: int) -> None:
        self._kept_seconds = kept_seconds
        failures = (exceptions.RedisError, OSError)
        self._availability = Availability("Redis", without_login(address), failures)
        self._redis: Redis = Redis.from_url(
            address,
            decode_responses=True,
            # All that is asked is timed as a whole. The library would time each word that it sends
            # by asyncio.wait_for, which may forget that it was cancelled (Python 3.11).
            socket_timeout=None,
            socket_connect_timeout=None,
            # Once, at once: a connection may have broken since it was used last.
            retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
        )
        self._join = self._redis.register_script(_JOIN)

    async def keep(self, answers: Sequence[KeptAnswer]) -> None:
        """Keep answers."""
        async with self._asking(), self._redis.pipeline(transaction=True) as pipeline:
            pipeline.ping()
            for answer in answers:
                key = _key_of(answer)
                pipeline.delete(key)
                pipeline.hset(key, "answer", write_answer(answer))
                pipeline.expire(key, self._kept_seconds)
                if answer.release_key is not None:
                    newest = _newest_key(answer.model, answer.api_key, answer.release_key)
                    pipeline.set(newest, answer.request_id, ex=self._kept_seconds)
            await pipeline.execute()

    async def find(self, asked: Sequence[Asked]) -> list[KeptAnswer | None]:
        """Find answers."""
        async with self._asking():
            keys = [_newest_key(each.model, each.api_key, each.release_key or "") for each in asked]
            newest = await self._redis.mget(keys)
            async with self._redis.pipeline(transaction=False) as pipeline:
                for each, found in zip(asked, newest, strict=True):
                    request_id = each.request_id or str(found or "")
                    pipeline.hget(_answer_key(each.model, each.api_key, request_id), "answer")
                answers = await pipeline.execute()
        return [None if each is None else read_answer(each) for each in answers]

    async def join(self, joins: Sequence[Join]) -> list[list[int] | None]:
        """Add up what was not added before; each answer's truths by one script."""
        now = repr(time.time())
        async with self._asking(), self._redis.pipeline(transaction=True) as pipeline:
            for answer, amounts in joins:
                keys = [_key_of(answer), _sums_key(answer.model)]
                side = f"{answer.version} {answer.route} "
                told = orjson.dumps(_as_text(amounts))
                arguments = (write_answer(answer), told, side, now, self._kept_seconds)
                await self._join(keys, arguments, client=pipeline)
            found = await pipeline.execute()
        return [None if each is None else sorted(map(int, each)) for each in found]

    async def sums(self, model: str) -> dict[Side, Amounts]:
        """Return a model's sums."""
        key, oldest = _sums_key(model), time.time() - self._kept_seconds
        sums: dict[Side, dict[str, float]] = {}
        async with self._asking():
            found = await self._redis.hgetall(key)
            fields = {str(field): float(amount) for field, amount in found.items()}
            for field, amount in fields.items():
                version, route, name = field.split(" ")
                sums.setdefault(Side(int(version), route), {})[name] = amount
            expired = {side for side, amounts in sums.items() if amounts.pop(_AT) < oldest}
            if gone := [each for each in fields if _side_of(each) in expired]:
                await self._redis.hdel(key, *gone)
        return {side: amounts for side, amounts in sums.items() if side not in expired}

    async def take_back(self, identity: str, reason: str) -> None:
        """Remember a verdict."""
        async with self._asking():
            verdict = orjson.dumps([time.time(), reason])
            await self._redis.hsetnx(_VERDICTS, identity, verdict)
            await self._redis.expire(_VERDICTS, VERDICT_SECONDS)

    async def taken_back(self) -> dict[str, str]:
        """Return the verdicts."""
        oldest = time.time() - VERDICT_SECONDS
        async with self._asking():
            found = await self._redis.hgetall(_VERDICTS)
            verdicts = {str(name): orjson.loads(verdict) for name, verdict in found.items()}
            if expired := [name for name, (at, _) in verdicts.items() if at < oldest]:
                await self._redis.hdel(_VERDICTS, *expired)
        return {name: reason for name, (at, reason) in verdicts.items() if at >= oldest}

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        with self._availability.watch():
            async with asyncio.timeout(_ANSWER_SECONDS):
                yield

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _key_of(answer: KeptAnswer) -> str:
    return _answer_key(answer.model, answer.api_key, answer.request_id)


# As JSON: a name or an id may hold whatever else would stand between them.
def _answer_key(model: str, api_key: str | None, request_id: str) -> str:
    return "tfgate:answer:" + orjson.dumps([model, api_key, request_id]).decode()


def _newest_key(model: str, api_key: str | None, release_key: str) -> str:
    return "tfgate:newest:" + orjson.dumps([model, api_key, release_key]).decode()


def _sums_key(model: str) -> str:
    return f"tfgate:sums:{model}"


def _side_of(field: str) -> Side:
    version, route, _ = field.split(" ")
    return Side(int(version), route)


def _as_text(amounts: Mapping[int, Amounts]) -> dict[str, dict[str, str]]:
    return {
        str(index): {name: repr(amount) for name, amount in of_row.items()}
        for index, of_row in amounts.items()
    }
