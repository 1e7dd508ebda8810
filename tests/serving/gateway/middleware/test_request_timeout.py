"""Work is cancelled by its deadline or by its client's leaving, and only then."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from starlette.types import Message

from serving.errors import ClientDisconnected
from serving.gateway.middleware.request_timeout import Patience, Ticker

SOON, LATER = 0.01, 60.0  # seconds


class Client:
    """An ASGI `receive` whose client leaves when it is told to; `heard` once somebody listens."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.heard = asyncio.Event()

    async def receive(self) -> Message:
        self.heard.set()
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def work(patience: Patience, *, body_read: bool = True) -> None:
    """Wait for an answer that never comes."""
    with patience:
        patience.body_read = body_read
        await for_ever()


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run to the end; no task may be left over."""

    async def bounded() -> None:
        async with asyncio.timeout(LATER):
            await test
            while asyncio.all_tasks() != {asyncio.current_task()}:
                await asyncio.sleep(0)

    asyncio.run(bounded())


@pytest.mark.parametrize("seconds", [SOON, 1e-9, 0.05])
@pytest.mark.parametrize("body_read", [False, True])
def test_it_ends_at_the_deadline(seconds: float, body_read: bool) -> None:
    async def test() -> None:
        with pytest.raises(TimeoutError):
            await work(Patience(Ticker(), Client().receive, seconds), body_read=body_read)

    run(test())


def test_it_ends_when_the_client_leaves() -> None:
    async def test() -> None:
        client = Client()
        working = asyncio.create_task(work(Patience(Ticker(), client.receive, LATER)))
        await client.heard.wait()
        assert not working.done()

        client.gone.set()
        with pytest.raises(ClientDisconnected):
            await working

    run(test())


def test_it_does_not_listen_while_somebody_else_reads_the_body() -> None:
    """Two who receive at once would take each other's messages."""

    async def test() -> None:
        client = Client()
        with pytest.raises(TimeoutError), Patience(Ticker(), client.receive, 0.1):
            await for_ever()
        assert not client.heard.is_set()

    run(test())


def test_what_ends_in_time_is_left_alone() -> None:
    async def test() -> None:
        client = Client()
        with Patience(Ticker(), client.receive, LATER) as patience:
            patience.body_read = True
            await client.heard.wait()
        client.gone.set()
        for _ in range(10):
            await asyncio.sleep(0)

    run(test())


def test_an_error_of_the_work_is_its_own() -> None:
    async def test() -> None:
        message = "its own"
        with pytest.raises(KeyError, match=message), Patience(Ticker(), Client().receive, LATER):
            raise KeyError(message)

    run(test())


@pytest.mark.parametrize("client_leaves", [False, True])
def test_a_cancellation_from_elsewhere_stays_one(client_leaves: bool) -> None:
    """As when the server stops, even in the moment in which the client leaves as well."""

    async def test() -> None:
        client = Client()
        working = asyncio.create_task(work(Patience(Ticker(), client.receive, LATER)))
        await client.heard.wait()
        if client_leaves:
            client.gone.set()
            await asyncio.sleep(0)
        working.cancel()

        with pytest.raises(asyncio.CancelledError):
            await working

    run(test())


def test_the_task_may_be_cancelled_again_afterwards() -> None:
    """Patience takes back its own cancellation, or a timeout around it would not work."""

    async def test() -> None:
        async with asyncio.timeout(LATER):
            with pytest.raises(TimeoutError), Patience(Ticker(), Client().receive, SOON):
                await for_ever()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(test())
