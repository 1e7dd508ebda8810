"""When tasks run together, by TF Serving's rules (shared_batch_scheduler.h); knows no tensor.

Every queue fills one open batch after the other. The threads, which all queues share, take a batch
once it is full, has waited for its time, or has another one behind it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from serving.embedded.statuses import StatusError, invalid_argument, unavailable


@dataclass(frozen=True)
class Limits:
    """Of every queue: rows of a batch, batches that wait, and how long one waits for company."""

    rows: int
    waiting_batches: int
    seconds: float


@dataclass(eq=False)
class Task:
    """Work of so many rows, answered by a result or an error."""

    work: Any
    rows: int
    result: Any = None
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Batch:
    since: float = 0.0  # of its first task; monotonic seconds
    rows: int = 0
    tasks: list[Task] = field(default_factory=list)


@dataclass(eq=False)
class Queue:
    """The batches of one kind of task; the last of them is open."""

    process: Callable[[Sequence[Task]], None]
    batches: deque[_Batch] = field(default_factory=lambda: deque([_Batch()]))

    def seconds_until_due(self, limits: Limits, hurry: bool) -> float | None:
        """Say when the first batch may run; None while it holds no row (in a hurry: no task)."""
        first = self.batches[0]
        if hurry and first.tasks:
            return 0.0
        if len(self.batches) > 1 or first.rows >= limits.rows:
            return 0.0
        return first.since + limits.seconds - time.monotonic() if first.rows else None


class BatchScheduler:
    """Threads that run the batches of all queues, in turns."""

    def __init__(self, limits: Limits, threads: int, name: str) -> None:
        self.limits = limits
        self._changed = threading.Condition()
        self._queues: deque[Queue] = deque()
        self._hurry = False
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=name, daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def add_queue(self, process: Callable[[Sequence[Task]], None]) -> Queue:
        """Return a queue whose batches `process` answers; an error it raises is every task's."""
        queue = Queue(process)
        with self._changed:
            self._queues.append(queue)
        return queue

    def remove_queue(self, queue: Queue) -> None:
        """Take no more of its tasks; those that still wait are refused."""
        with self._changed:
            self._queues.remove(queue)
        for batch in queue.batches:
            for task in batch.tasks:
                task.error = _removed()
                task.done.set()

    def hurry(self) -> None:
        """Let no task wait for company any more."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Take no further batch; those that run come to their end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def run(self, queue: Queue, task: Task, timeout_seconds: float | None) -> Any:
        """Let a task run in one of the queue's batches; return its result.

        Raises:
            StatusError: INVALID_ARGUMENT for more rows than a batch has, UNAVAILABLE when too many
                batches wait, otherwise what became of the batch.
        """
        with self._changed:
            self._enqueue(queue, task)
            self._changed.notify()
        if not task.done.wait(timeout_seconds):
            # Its caller has given up; the task goes on waiting, as it does in TF Serving.
            raise StatusError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
        if task.error:
            raise task.error
        return task.result

    def _enqueue(self, queue: Queue, task: Task) -> None:
        limits = self.limits
        if queue not in self._queues:
            raise _removed()
        if task.rows > limits.rows:
            raise invalid_argument(
                f"Task size {task.rows} is larger than maximum input batch size {limits.rows}"
            )
        if queue.batches[-1].rows + task.rows > limits.rows:
            if len(queue.batches) >= limits.waiting_batches:
                raise unavailable(
                    "The batch scheduling queue to which this task was submitted is full; "
                    f"currently {len(queue.batches)} batches enqueued and max_enqueued_batches is "
                    f"{limits.waiting_batches}"
                )
            queue.batches.append(_Batch())
        batch = queue.batches[-1]
        if not batch.tasks:
            batch.since = time.monotonic()
        batch.tasks.append(task)
        batch.rows += task.rows

    def _run(self) -> None:
        while True:
            with self._changed:
                taken = self._wait_for_batch()
            if taken is None:
                return
            queue, batch = taken
            try:
                queue.process(batch.tasks)
            except Exception as error:  # noqa: BLE001 - each task's caller gets it
                for task in batch.tasks:
                    task.error = error
            for task in batch.tasks:
                task.done.set()

    def _wait_for_batch(self) -> tuple[Queue, _Batch] | None:
        """Return the next batch that is due, None when the scheduler stops."""
        while not self._stopping:
            soonest: float | None = None
            for _ in range(len(self._queues)):
                queue = self._queues[0]
                self._queues.rotate(-1)  # the next look begins with the next queue
                due = queue.seconds_until_due(self.limits, self._hurry)
                if due is not None and due <= 0:
                    if len(queue.batches) == 1:
                        queue.batches.append(_Batch())
                    return queue, queue.batches.popleft()
                if due is not None:
                    soonest = due if soonest is None else min(soonest, due)
            self._changed.wait(soonest)
        return None


def _removed() -> StatusError:
    return unavailable("The batch scheduling queue of this task has been removed")
