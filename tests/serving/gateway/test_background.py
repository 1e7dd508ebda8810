"""Work beside the requests: it ends with the gateway, whatever it does about that."""

import asyncio

from serving.gateway.background import Work, running

LONGEST_SECONDS = 60


def end(work: Work) -> None:
    """Begin some work, and end it; it has to end."""

    async def live() -> None:
        async with running(work):
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(live(), LONGEST_SECONDS))


def test_work_that_misses_one_cancellation_is_cancelled_again() -> None:
    missed = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            missed.append("the first")
        await asyncio.Event().wait()

    end(work)

    assert missed == ["the first"]


def test_work_whose_end_fails_has_ended() -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            message = "what it had open cannot be closed"
            raise ConnectionError(message)

    end(work)
