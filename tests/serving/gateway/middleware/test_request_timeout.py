"""Headers become a deadline; by that, or by its client's leaving, work is cancelled: only then."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from serving.errors import ClientDisconnected, InvalidInput
from serving.gateway.middleware.request_timeout import RequestTimeout, request_timeout

SOON, LATER, LONGEST = 0.01, 60.0, 5.0  # seconds


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


async def work(timeout: RequestTimeout, *, body_read: bool = True) -> None:
    """Wait for an answer that never comes."""
    with timeout:
        timeout.body_is_read = body_read
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
            await work(RequestTimeout(Client().receive, seconds), body_read=body_read)

    run(test())


def test_it_ends_when_the_client_leaves() -> None:
    async def test() -> None:
        client = Client()
        working = asyncio.create_task(work(RequestTimeout(client.receive, LATER)))
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
        with pytest.raises(TimeoutError), RequestTimeout(client.receive, 0.1):
            await for_ever()
        assert not client.heard.is_set()

    run(test())


def test_what_ends_in_time_is_left_alone() -> None:
    async def test() -> None:
        client = Client()
        with RequestTimeout(client.receive, LATER) as timeout:
            timeout.body_is_read = True
            await client.heard.wait()
        client.gone.set()
        for _ in range(10):
            await asyncio.sleep(0)

    run(test())


def test_an_error_of_the_work_is_its_own() -> None:
    async def test() -> None:
        message = "its own"
        with pytest.raises(KeyError, match=message), RequestTimeout(Client().receive, LATER):
            raise KeyError(message)

    run(test())


@pytest.mark.parametrize("client_leaves", [False, True])
def test_a_cancellation_from_elsewhere_stays_one(client_leaves: bool) -> None:
    """As when the server stops, even in the moment in which the client leaves as well."""

    async def test() -> None:
        client = Client()
        working = asyncio.create_task(work(RequestTimeout(client.receive, LATER)))
        await client.heard.wait()
        if client_leaves:
            client.gone.set()
            await asyncio.sleep(0)
        working.cancel()

        with pytest.raises(asyncio.CancelledError):
            await working

    run(test())


def test_the_task_may_be_cancelled_again_afterwards() -> None:
    """It takes back its own cancellation, or a timeout around it would not work."""

    async def test() -> None:
        async with asyncio.timeout(LATER):
            with pytest.raises(TimeoutError), RequestTimeout(Client().receive, SOON):
                await for_ever()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(test())


def seconds_of(**headers: bytes) -> float:
    lines = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return request_timeout(lines, Client().receive, longest=LONGEST).seconds


def test_a_caller_who_states_nothing_waits_as_long_as_the_setting_says() -> None:
    assert seconds_of() == LONGEST


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(b"2", 2), (b"0.5", 0.5), (b"0.000000001", 1e-9), (b"5.1", LONGEST), (b"999999999", LONGEST)],
)
def test_request_timeout_is_in_seconds_and_never_longer_than_the_setting(
    header: bytes, seconds: float
) -> None:
    assert seconds_of(request_timeout=header) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"99999999H", LONGEST),
        (b"1M", LONGEST),
        (b"2S", 2),
        (b"500m", 0.5),
        (b"500000u", 0.5),
        (b"50000000n", 0.05),
    ],
)
def test_grpc_timeout_is_read_with_its_unit(header: bytes, seconds: float) -> None:
    assert seconds_of(grpc_timeout=header) == pytest.approx(seconds)


def test_request_timeout_comes_first() -> None:
    assert seconds_of(request_timeout=b"1", grpc_timeout=b"2S") == 1


@pytest.mark.parametrize(
    "header",
    [
        *(b"", b"soon", b"-1", b"+1", b"1s", b"1e3", b"nan", b"inf", b".5", b"1.", b"1 2", b"1,2"),
        *(b"0", b"0.0", b"1000000000", b"0.0000000001", b"\xd9\xa1"),
    ],
)
def test_a_request_timeout_that_is_none_is_refused_by_name(header: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        seconds_of(request_timeout=header)

    assert [field.field for field in refused.value.fields] == ["header.Request-Timeout"]


@pytest.mark.parametrize("header", [b"", b"5", b"m", b"123456789m", b"1s", b"-1m", b"0.5S", b"0m"])
def test_a_grpc_timeout_that_is_none_is_refused_by_name(header: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        seconds_of(grpc_timeout=header)

    assert [field.field for field in refused.value.fields] == ["header.grpc-timeout"]


@given(header=st.binary(max_size=20) | st.text("0123456789.HMSmun", max_size=12).map(str.encode))
def test_any_header_is_a_time_or_refused(header: bytes) -> None:
    for name in ("request_timeout", "grpc_timeout"):
        try:
            seconds = seconds_of(**{name: header})
        except InvalidInput:
            continue
        else:
            assert 0 < seconds <= LONGEST
