"""Half a minute of the soak: versions swapped each five seconds, the model server killed once."""

from tests.soak.plan import short
from tests.soak.run import run


def test_half_a_minute_passes() -> None:
    summary = run(short(30, swap_seconds=5, num_kills=1), lambda _elapsed, _findings: None)

    assert summary.failures == []
    assert summary.wrong_answers == 0
    assert all(kill.outage_seconds <= 2 for kill in summary.kills)
