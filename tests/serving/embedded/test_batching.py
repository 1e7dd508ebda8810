"""What no recording shows of calls that run together: padding, several batches, and the end."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from serving.embedded.batch_scheduler import BatchScheduler, Limits, Task
from serving.embedded.batching import BatchedRuns, Batching
from serving.embedded.statuses import StatusError
from serving.embedded.tensor_protos import Array
from tests.stack import wait_until

SIGNATURE = (frozenset({"x"}), frozenset({"y"}))


class Graph:
    """y = x; a run takes until it is let go."""

    def __init__(self) -> None:
        self.goes = threading.Event()
        self.runs: list[Array] = []

    def run(
        self, feeds: Mapping[str, Array], _fetches: Sequence[str], _timeout: int | None
    ) -> list[Array]:
        self.runs.append(feeds["x"])
        self.goes.wait(20)
        return [feeds["x"]]


@pytest.fixture
def graph() -> Iterator[Graph]:
    graph = Graph()
    yield graph
    graph.goes.set()


def batching(folder: Path, text: str) -> Batching:
    file = folder / "batching.config"
    file.write_text(f"num_batch_threads {{ value: 1 }} {text}", encoding="utf-8")
    return Batching.of_file(str(file))


def test_tensors_of_other_lengths_are_filled_up_with_their_first_value(
    graph: Graph, tmp_path: Path
) -> None:
    # Full with four rows, and else waiting for a minute.
    shared = batching(
        tmp_path,
        "max_batch_size { value: 4 } batch_timeout_micros { value: 60000000 } "
        "pad_variable_length_inputs: true",
    )
    runs = BatchedRuns(shared, graph.run, [SIGNATURE])
    graph.goes.set()
    short, long = np.array([[1.0], [2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]])
    with ThreadPoolExecutor(2) as callers:
        answers = list(callers.map(lambda x: runs.run({"x": x}, ["y"], None)[0], [short, long]))
    np.testing.assert_array_equal(answers[0], [[1.0, 1.0], [2.0, 1.0]])
    np.testing.assert_array_equal(answers[1], long)
    assert len(graph.runs) == 1
    shared.scheduler.stop()


def test_outputs_of_no_signature_run_alone_and_at_once(graph: Graph, tmp_path: Path) -> None:
    shared = batching(tmp_path, "batch_timeout_micros { value: 60000000 }")
    runs = BatchedRuns(shared, graph.run, [(frozenset({"x"}), frozenset({"y", "z"}))])
    graph.goes.set()
    assert runs.run({"x": np.ones(1)}, ["y"], None)[0].tolist() == [1.0]
    shared.scheduler.stop()


def test_in_a_hurry_nothing_waits_for_company(graph: Graph, tmp_path: Path) -> None:
    shared = batching(
        tmp_path,
        "max_batch_size { value: 4 } batch_timeout_micros { value: 60000000 } "
        "allowed_batch_sizes: 2 allowed_batch_sizes: 4",
    )
    runs = BatchedRuns(shared, graph.run, [SIGNATURE])
    graph.goes.set()
    with ThreadPoolExecutor(1) as callers:
        answer = callers.submit(runs.run, {"x": np.ones(0)}, ["y"], None)
        shared.scheduler.hurry()
        assert answer.result(20)[0].tolist() == []
    shared.scheduler.stop()


def test_who_waits_when_a_queue_is_removed_is_refused_and_so_is_who_comes_later() -> None:
    scheduler = BatchScheduler(Limits(rows=1, waiting_batches=9, seconds=0), 1, "batches")
    goes = threading.Event()

    def process(_tasks: Sequence[Task]) -> None:
        goes.wait(20)

    queue = scheduler.add_queue(process)
    running, waiting, late = (Task(None, rows=1) for _ in range(3))
    with ThreadPoolExecutor(2) as callers:
        answers = [callers.submit(scheduler.run, queue, task, None) for task in (running, waiting)]
        wait_until(lambda: [len(batch.tasks) for batch in queue.batches] == [1], "one that waits")
        scheduler.remove_queue(queue)
        left = queue.batches[0].tasks
        with pytest.raises(StatusError, match="has been removed"):
            answers[left == [waiting]].result(20)
        with pytest.raises(StatusError, match="has been removed"):
            scheduler.run(queue, late, None)
        goes.set()
        assert answers[left != [waiting]].result(20) is None
    scheduler.stop()


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ("allowed_batch_sizes: 4 allowed_batch_sizes: 4", "must be monotonically increasing"),
        ("allowed_batch_sizes: 4", "last entry was 4; expected 8"),
    ],
)
def test_sizes_that_cannot_be_kept_are_refused(
    graph: Graph, tmp_path: Path, sizes: str, text: str
) -> None:
    shared = batching(tmp_path, f"max_batch_size {{ value: 8 }} {sizes}")
    with pytest.raises(StatusError, match=text):
        BatchedRuns(shared, graph.run, [SIGNATURE])
    shared.scheduler.stop()
