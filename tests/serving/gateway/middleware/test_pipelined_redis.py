"""Many questions at once to a real Redis: each gets its own answer, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import redis
from redis.exceptions import ResponseError

from serving.gateway.middleware.pipelined_redis import PipelinedRedis
from tests.redis_server import NEEDED, RedisServer

pytestmark = NEEDED
LONG_SECONDS = 60
MANY = 200


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@asynccontextmanager
async def connected(
    server: RedisServer, patience_seconds: float = LONG_SECONDS
) -> AsyncIterator[PipelinedRedis]:
    client = PipelinedRedis(server.url, patience_seconds=LONG_SECONDS)
    try:
        await client.set("number", 0)
        client.patience_seconds = patience_seconds
        yield client
    finally:
        await client.aclose(close_connection_pool=True)


async def begun(client: PipelinedRedis) -> "asyncio.Task[int]":
    """Ask something, and let it be sent; the answer is not yet read."""

    async def ask() -> int:
        return int(await client.incr("number"))

    task = asyncio.create_task(ask())
    for _ in range(3):  # it, then what sends, then the trip
        await asyncio.sleep(0)
    return task


def num_connections(server: RedisServer) -> int:
    """Return how many connections there have been, this function's own included."""
    with redis.Redis.from_url(server.url) as client:
        return int(client.info("stats")["total_connections_received"])


def test_many_at_once_share_a_connection_and_get_each_its_answer(server: RedisServer) -> None:
    async def ask() -> list[int]:
        async with connected(server) as client:
            return await asyncio.gather(*(client.incr("number") for _ in range(MANY)))

    answers = asyncio.run(ask())

    assert answers == list(range(1, MANY + 1))
    # One of them listened for the start, one asks for this.
    assert num_connections(server) == 3


def test_an_error_is_for_whom_it_concerns(server: RedisServer) -> None:
    async def ask() -> list[object]:
        async with connected(server) as client:
            questions = (client.incr("number"), client.lpush("number", 1), client.incr("number"))
            return list(await asyncio.gather(*questions, return_exceptions=True))

    first, wrong, last = asyncio.run(ask())

    assert (first, last) == (1, 2)
    assert isinstance(wrong, ResponseError)


def test_who_leaves_takes_nobody_with_him(server: RedisServer) -> None:
    async def ask() -> list[object]:
        async with connected(server) as client:
            tasks = [await begun(client) for _ in range(3)]
            tasks[1].cancel()
            all_of_them = asyncio.gather(*tasks, return_exceptions=True)
            return list(await asyncio.wait_for(all_of_them, LONG_SECONDS))

    first, gone, last = asyncio.run(ask())

    assert (first, last) == (1, 3)
    assert isinstance(gone, asyncio.CancelledError)


def test_who_comes_while_it_hangs_fails_with_those_before(server: RedisServer) -> None:
    async def ask() -> list[object]:
        async with connected(server, patience_seconds=0.1) as client:
            server.hang()
            first = await begun(client)
            # Whoever had to wait for a trip of its own would do so for this long.
            client.patience_seconds = 10 * LONG_SECONDS
            late = await begun(client)
            both = asyncio.gather(first, late, return_exceptions=True)
            return list(await asyncio.wait_for(both, LONG_SECONDS))

    answers = asyncio.run(ask())

    assert [type(answer) for answer in answers] == [TimeoutError, TimeoutError]


def test_it_goes_on_after_it_has_hung(server: RedisServer) -> None:
    async def ask() -> int:
        async with connected(server, patience_seconds=0.1) as client:
            server.hang()
            with pytest.raises(TimeoutError, match=r"no answer within 0\.1 s"):
                await client.incr("number")
            assert asyncio.all_tasks() == {asyncio.current_task()}, "a trip goes on"
            server.go_on()
            client.patience_seconds = LONG_SECONDS
            # What was given up may have been counted; its answer is not taken for this one's.
            await client.set("number", 7)
            return int(await client.incr("number"))

    assert asyncio.run(ask()) == 8


def test_a_loop_that_stood_still_is_not_taken_for_a_redis_that_does(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> int:
        async with connected(server) as client:
            loop = asyncio.get_running_loop()
            question = await begun(client)
            # From here on it is so much later.
            now = loop.time
            monkeypatch.setattr(loop, "time", lambda: now() + 0.9 * LONG_SECONDS)
            return int(await question)

    assert asyncio.run(ask()) == 1


def test_a_connection_that_was_closed_is_made_anew(server: RedisServer) -> None:
    async def ask() -> list[int]:
        async with connected(server) as client:
            answers = [int(await client.incr("number"))]
            with redis.Redis.from_url(server.url) as other:
                other.client_kill_filter(_type="normal", skipme=True)
            answers.append(int(await client.incr("number")))
            server.kill()
            server.start()
            return [*answers, int(await client.incr("number"))]

    assert asyncio.run(ask()) == [1, 2, 1]
