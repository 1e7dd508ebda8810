"""A loop that is late leaves unread whom it has just refused, or who is new; for a bounded time."""

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest
import uvicorn
from prometheus_client import REGISTRY
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.middleware.load_shedding import DOOR, LoadShedding
from serving.gateway.server.connections import BoundedConnection, ConnectionLimits
from serving.gateway.server.loop_lag import (
    LATE_SECONDS,
    MAX_REST_SECONDS,
    TICK_SECONDS,
    LoopLag,
)

PREDICTION = b"POST /predict/house HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("lag", "rest"),
    [(0, 0), (LATE_SECONDS / 2, 0), (0.1, 0.4), (10, MAX_REST_SECONDS), (-1, 0)],
)
def test_the_rest_follows_the_lag_up_to_a_bound(lag: float, rest: float) -> None:
    async def measured() -> float:
        ticked = asyncio.Event()

        def clock() -> Iterator[float]:
            yield 100.0
            yield 100.0 + TICK_SECONDS + lag
            ticked.set()
            while True:
                yield 200.0

        loop_lag = LoopLag(partial(next, clock()))
        loop_lag.start()
        await ticked.wait()
        told = REGISTRY.get_sample_value("tfgate_loop_lag_seconds")
        assert told == pytest.approx(max(0, lag))
        measured = loop_lag.rest_seconds
        loop_lag.stop()
        assert loop_lag.rest_seconds == 0
        return measured

    assert asyncio.run(measured()) == pytest.approx(rest)


async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


class Transport(asyncio.Transport):
    """Keeps what is written, and whether it is read from; tells when that begins again."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_read = True
        self.read_again = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_read = False
        self.read_again.clear()

    def resume_reading(self) -> None:
        self.is_read = True
        self.read_again.set()


def connected(lag: LoopLag) -> tuple[BoundedConnection, Transport]:
    limit = ConcurrencyLimit("house", max_limit=8)
    for _ in range(8):
        limit.__enter__()
    door = LoadShedding(
        answer,
        limits={"/predict/house": limit},
        registry={},  # type: ignore[arg-type]  # no other prediction is asked here
        model_asked=lambda _: None,
        answer=lambda *_: pytest.fail("it is not asked"),
        max_requests=8,
    )
    connection = BoundedConnection(
        limits=ConnectionLimits(4_000, 10),
        lag=lag,
        config=uvicorn.Config(door, log_config=None),
        server_state=ServerState(),
        app_state={DOOR: door},
        _loop=asyncio.get_running_loop(),
    )
    transport = Transport()
    connection.connection_made(transport)
    return connection, transport


def test_who_is_new_or_refused_is_read_again_after_a_rest() -> None:
    async def come() -> None:
        lag = LoopLag()
        lag.rest_seconds = 0.001
        connection, transport = connected(lag)
        assert not transport.is_read
        await transport.read_again.wait()

        connection.data_received(PREDICTION)
        assert transport.written.startswith(b"HTTP/1.1 429 ")
        assert not transport.is_read
        await transport.read_again.wait()

    asyncio.run(come())


def test_who_waits_for_an_answer_is_read_all_the_time_and_so_is_everybody_if_it_is_not_late() -> (
    None
):
    async def come() -> None:
        lag = LoopLag()
        connection, transport = connected(lag)
        connection.data_received(PREDICTION)
        assert transport.is_read

        lag.rest_seconds = 0.001
        connection.data_received(HEALTH)
        assert transport.is_read

    asyncio.run(come())
