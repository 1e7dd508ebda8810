"""A release as it runs, by the time that a gateway believes it to be."""

from datetime import UTC, datetime, timedelta

from serving.gateway.releases.release import Release
from serving.gateway.releases.running import Running
from serving.gateway.telemetry.request_context import RequestContext

STARTED = datetime(2026, 11, 29, 12, tzinfo=UTC)
RELEASE = Release.model_validate(
    {
        "stable": 1,
        "candidate": {"version": 2, "steps": ["1%/5m", "10%/10m", "50%/1h"], "started": STARTED},
    }
)
CALLERS = [RequestContext(f"request-{number}", "POST", "/", {}) for number in range(500)]
MINUTE, LOOK = timedelta(minutes=1), timedelta(seconds=20)


def running() -> Running:
    running = Running("pets", RELEASE, {})
    running.hindrance = None
    running.choose([1, 2])
    return running


def test_clocks_that_differ_by_a_minute_shift_steps_by_a_minute_and_nothing_else() -> None:
    fast, slow = running(), running()
    shares = []
    for now in (STARTED - 2 * MINUTE + number * LOOK for number in range(60)):
        fast.tick(now + MINUTE)
        slow.tick(now)
        shares.append((fast.share, slow.share))
        assert all(fast.takes(caller) for caller in CALLERS if slow.takes(caller))
        if fast.share == slow.share:
            assert all(slow.takes(caller) for caller in CALLERS if fast.takes(caller))

    of_fast, of_slow = zip(*shares, strict=True)
    assert of_fast[: -MINUTE // LOOK] == of_slow[MINUTE // LOOK :]
    assert sorted(set(of_fast)) == [0, 0.01, 0.1, 0.5]
    assert fast.identity == slow.identity, "a verdict of one is about the other's candidate too"
