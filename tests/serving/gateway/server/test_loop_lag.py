"""How late the event loop is, as a metric and the log tell it."""

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest
from prometheus_client import REGISTRY

from serving.gateway.server.loop_lag import LATE_SECONDS, TICK_SECONDS, LoopLag


@pytest.mark.parametrize(
    ("lag", "is_late"), [(-1, False), (0, False), (LATE_SECONDS / 2, False), (0.1, True)]
)
def test_a_late_loop_is_told(lag: float, is_late: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def measure() -> None:
        ticked = asyncio.Event()

        def clock() -> Iterator[float]:
            yield 100.0
            yield 100.0 + TICK_SECONDS + lag
            ticked.set()
            yield 101.0

        loop_lag = LoopLag(partial(next, clock()))
        loop_lag.start()
        await ticked.wait()
        loop_lag.stop()

    asyncio.run(measure())

    assert REGISTRY.get_sample_value("tfgate_loop_lag_seconds") == pytest.approx(max(0, lag))
    assert ("the event loop is 100 ms late" in caplog.text) == is_late
