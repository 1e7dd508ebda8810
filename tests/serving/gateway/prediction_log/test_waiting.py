"""What waits is bounded, in rows and in bytes."""

import numpy as np
import pytest

from serving.gateway.prediction_log import waiting
from serving.gateway.prediction_log.kept import Kept, keep
from serving.gateway.prediction_log.waiting import Waiting
from tests.serving.gateway.prediction_log.answers import answered


def kept(num_rows: int, num_columns: int = 1) -> Kept:
    return keep(answered(y=np.zeros((num_rows, num_columns))), 0, {})


def test_rows_beyond_the_bound_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_ROWS", 10)
    queue = Waiting()
    assert [queue.add(kept(4)) for _ in range(3)] == [True, True, False]
    assert queue.add(kept(2))
    assert len(queue.take(max_rows=4)) == 1
    assert queue.add(kept(4))


def test_bytes_beyond_the_bound_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_BYTES", 20_000)
    queue = Waiting()
    assert [queue.add(kept(1, 1_000)) for _ in range(3)] == [True, True, False]
    assert not Waiting().add(kept(1_000, 4))
    queue.take(max_rows=1)
    assert queue.add(kept(1, 1_000))


def test_a_block_ends_with_a_whole_request_in_the_order_in_which_they_came() -> None:
    queue = Waiting()
    for number in range(4):
        queue.add(keep(answered(str(number)), 0, {}))
    assert [[each.request_id for each in queue.take(max_rows=3)] for _ in range(3)] == [
        ["0", "1"],
        ["2", "3"],
        [],
    ]


def test_what_is_given_up_is_what_waits_and_what_is_being_written() -> None:
    queue = Waiting()
    for _ in range(4):
        queue.add(kept(1))
    queue.take(max_rows=1)
    assert queue.give_up() == 4
    assert (queue.take(max_rows=1), queue.give_up()) == ([], 0)
