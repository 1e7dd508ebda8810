"""A few seconds of the real thing: versions swapped, the model server killed, every answer checked.

How quickly it recovers is what the ten minutes of `make soak` judge, on a quiet machine.
"""

from pathlib import Path

from serving.models import MODELS
from soak.run import run
from soak.schedule import Schedule


def test_versions_change_and_the_server_is_killed_without_a_wrong_answer(tmp_path: Path) -> None:
    schedule = Schedule(
        seconds=4,
        swap_seconds=2,
        num_kills=1,
        warm_up_seconds=1,
        max_growth=2,
        deadline_seconds=60,
        slack_seconds=60,
        recovery_seconds=60,
    )
    with (tmp_path / "soak.log").open("wb") as log:
        summary = run(schedule, lambda _elapsed, _findings: None, log)

    assert summary.failures == []
    assert summary.wrong_answers == 0
    assert summary.versions_published == 2
    assert len(summary.kills) == 1
    assert summary.right_answers.keys() == MODELS.keys()
