"""Calls of one signature run as one: their tensors joined, and the outputs given back in parts.

The checks and texts are TF Serving's (batching_session.cc, batching_util.cc).
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc
import numpy as np

from proto.batching_pb2 import BatchingParameters
from serving.embedded.batch_scheduler import BatchScheduler, Limits, Task
from serving.embedded.statuses import StatusError, failed_precondition, invalid_argument
from serving.embedded.tensor_protos import Array
from serving.embedded.text_protos import read_text_proto

# Of a run in the graph: tensors by name, the names of those wanted, and milliseconds left.
Run = Callable[[Mapping[str, Array], Sequence[str], int | None], list[Array]]

# shared_batch_scheduler.h
_ROWS, _WAITING_BATCHES = 1000, 10


@dataclass(frozen=True)
class Batching:
    """The parameters in force, and the threads that all versions share."""

    parameters: BatchingParameters
    scheduler: BatchScheduler

    @classmethod
    def of_file(cls, path: str) -> "Batching":
        """Read the file, if one is given, and start the threads; raises StatusError."""
        read = read_text_proto(path, BatchingParameters()) if path else BatchingParameters()
        limits = Limits(
            rows=read.max_batch_size.value if read.HasField("max_batch_size") else _ROWS,
            waiting_batches=(
                read.max_enqueued_batches.value
                if read.HasField("max_enqueued_batches")
                else _WAITING_BATCHES
            ),
            seconds=read.batch_timeout_micros.value / 1e6,
        )
        threads = read.num_batch_threads.value or os.cpu_count() or 1
        name = read.thread_pool_name.value or "batch_threads"
        return cls(read, BatchScheduler(limits, threads, name))

    def check(self) -> None:
        """Refuse sizes that cannot be kept, as TF Serving does when it loads a version."""
        sizes, rows = list(self.parameters.allowed_batch_sizes), self.scheduler.limits.rows
        if sizes != sorted(set(sizes)):
            raise invalid_argument("allowed_batch_sizes entries must be monotonically increasing")
        if sizes and sizes[-1] != rows:
            raise invalid_argument(
                "Last entry in allowed_batch_sizes must match max_batch_size; last entry was "
                f"{sizes[-1]}; expected {rows}"
            )


@dataclass(frozen=True)
class _Work:
    feeds: Mapping[str, Array]
    fetches: Sequence[str]
    deadline: float | None  # monotonic seconds


class BatchedRuns:
    """Runs of one version: together where they ask for all outputs of a signature, else alone."""

    def __init__(
        self,
        batching: Batching,
        run: Run,
        signatures: Sequence[tuple[frozenset[str], frozenset[str]]],
    ) -> None:
        batching.check()
        self._batching = batching
        self._run = run
        self._queues = {
            names: batching.scheduler.add_queue(self._process) for names in set(signatures)
        }

    def close(self) -> None:
        for queue in self._queues.values():
            self._batching.scheduler.remove_queue(queue)

    def run(
        self, feeds: Mapping[str, Array], fetches: Sequence[str], timeout_milliseconds: int | None
    ) -> list[Array]:
        """Run as TF Serving would; raises StatusError."""
        queue = self._queues.get((frozenset(feeds), frozenset(fetches)))
        if queue is None:
            return self._run(feeds, fetches, timeout_milliseconds)
        rows = _rows_of(list(feeds.values()))
        seconds = None if timeout_milliseconds is None else timeout_milliseconds / 1e3
        deadline = None if seconds is None else time.monotonic() + seconds
        task = Task(_Work(feeds, fetches, deadline), rows)
        outputs: Mapping[str, Array] = self._batching.scheduler.run(queue, task, seconds)
        return [outputs[name] for name in fetches]

    def _process(self, tasks: Sequence[Task]) -> None:
        work: list[_Work] = [task.work for task in tasks]
        timeout = _milliseconds_left(work)
        rows = sum(task.rows for task in tasks)
        allowed = self._batching.parameters.allowed_batch_sizes
        padded_rows = next((size for size in allowed if size >= rows > 0), rows)
        feeds = {
            name: self._joined(name, [each.feeds[name] for each in work], padded_rows - rows)
            for name in work[0].feeds
        }
        fetches = list(work[0].fetches)
        outputs = self._run(feeds, fetches, timeout)
        for output in outputs:
            _check_output(output, padded_rows)
        begin = 0
        for task in tasks:
            end = begin + task.rows
            task.result = {
                name: output[begin:end] for name, output in zip(fetches, outputs, strict=True)
            }
            begin = end

    def _joined(self, name: str, arrays: Sequence[Array], extra_rows: int) -> Array:
        """Put the tasks' tensors below each other; the first row fills the batch up."""
        if len({array.shape[1:] for array in arrays}) > 1:
            if not self._batching.parameters.pad_variable_length_inputs:
                raise failed_precondition(
                    f"Tensors with name '{name}' from different tasks have different shapes and "
                    "padding is turned off. Set pad_variable_length_inputs to true, or ensure that "
                    "all tensors with the same name have equal dimensions starting with the first "
                    "dim."
                )
            arrays = _padded(name, arrays)
        if len({array.dtype for array in arrays}) > 1:
            raise invalid_argument(f"Tensors with name '{name}' have different types")
        if extra_rows:
            first = next(array for array in arrays if len(array))
            arrays = [*arrays, np.repeat(first[:1], extra_rows, axis=0)]
        return np.concatenate(arrays) if len(arrays) > 1 else arrays[0]  # [rows, ...] -> [sum, ...]


def _rows_of(arrays: Sequence[Array]) -> int:
    if not arrays:
        raise invalid_argument("Batching Run() must have at least one input tensor")
    if any(array.ndim == 0 for array in arrays):
        raise invalid_argument("Batching Run() input tensors must have at least one dimension")
    if len({array.shape[0] for array in arrays}) > 1:
        raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    return int(arrays[0].shape[0])


def _milliseconds_left(work: Sequence[_Work]) -> int | None:
    """Return the time of the most patient task."""
    deadlines = [each.deadline for each in work if each.deadline is not None]
    left = max(deadlines, default=0.0) - time.monotonic()
    if len(deadlines) < len(work):
        return None
    if left <= 0:
        raise StatusError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "Run() timeout exceeded while waiting in batching queue",
        )
    return max(1, int(left * 1e3))


def _padded(name: str, arrays: Sequence[Array]) -> list[Array]:
    """Fill each tensor's inner dimensions up to the largest, with its own first value."""
    if len({array.ndim for array in arrays}) > 1:
        raise failed_precondition(f"Tensors with name '{name}' have different ranks")
    largest = np.max([array.shape[1:] for array in arrays], axis=0)
    padded = []
    for array in arrays:
        filler = array.flat[0] if array.size else np.zeros(1, array.dtype)[0]
        whole = np.full((array.shape[0], *largest), filler, array.dtype)
        whole[tuple(slice(size) for size in array.shape)] = array
        padded.append(whole)
    return padded


def _check_output(output: Array, rows: int) -> None:
    if output.ndim == 0:
        raise failed_precondition("Batched output tensor has 0 dimensions")
    if output.shape[0] != rows:
        raise failed_precondition(
            "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension "
            "sizes of the input tensors"
        )
