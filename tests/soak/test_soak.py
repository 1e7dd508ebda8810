"""Half a minute of the soak: versions swapped each five seconds, the model server killed once."""

from pathlib import Path

from soak.run import run
from soak.schedule import short


def test_half_a_minute_passes(tmp_path: Path) -> None:
    schedule = short(30, swap_seconds=5, num_kills=1)
    with (tmp_path / "soak.log").open("wb") as log:
        summary = run(schedule, lambda _elapsed, _findings: None, log)

    assert summary.failures == []
    assert summary.wrong_answers == 0
    assert all(kill.outage_seconds <= 2 for kill in summary.kills)
