"""Preprocessing that takes long, such as of photographs: in threads, a few instances at a time.

Of one request, no more is in the threads' queue than there are threads. So whoever comes with one
photograph waits for one of each other's, however many they are, and what nobody waits for any more
is not begun. Memory is bounded likewise: each thread has one instance in hand, such as one decoded
picture.
"""

import asyncio
import math
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from serving.contract import Model, Tensors, concatenate
from serving.errors import InvalidInput, PayloadTooLarge

# Of instances that are done at once: a hand-over to a thread and back takes some 100 us.
_SLICE_SECONDS = 0.02
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


class Threads:
    """What all endpoints of a worker share, for what would hold up the event loop."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pool = ThreadPoolExecutor(number, "preprocess")


class SlowPreprocessing:
    """Preprocesses the instances of one model; `path` is the field of the body that lists them."""

    def __init__(self, model: Model[Any, Any], path: str, threads: Threads) -> None:
        self._model = model
        self._path = path
        self._threads = threads

    async def __call__(self, requests: Sequence[BaseModel], seconds: float) -> Tensors:
        """Preprocess in threads what is estimated to take so long altogether.

        Raises:
            InvalidInput: an instance is wrong: of several, the first is told.
            PayloadTooLarge: the same.
        """
        size = max(1, int(len(requests) * _SLICE_SECONDS / seconds))
        run, pool = asyncio.get_running_loop().run_in_executor, self._threads.pool
        parts: list[Tensors] = []
        begun: deque[asyncio.Future[list[Tensors]]] = deque()
        try:
            for start in range(0, len(requests), size):
                if len(begun) == self._threads.number:
                    parts += await begun[0]
                    begun.popleft()
                part = requests[start : start + size]
                begun.append(run(pool, self.one_by_one, part, start))
            while begun:
                parts += await begun[0]
                begun.popleft()
        finally:
            for each in begun:
                # One that has failed as well has its error looked at, or asyncio complains.
                if not each.cancel() and not each.cancelled():
                    each.exception()
        return concatenate(parts)

    def one_by_one(self, requests: Sequence[BaseModel], start: int = 0) -> list[Tensors]:
        """Preprocess instances, of which the first has this index, and tell which is wrong.

        Raises:
            InvalidInput: the first that is wrong.
            PayloadTooLarge: the same.
        """
        parts = []
        for index, request in enumerate(requests, start):
            try:
                parts.append(self._model.preprocess([request]))
            except (InvalidInput, PayloadTooLarge) as error:
                if self._path:
                    raise error.below(f"{self._path}.{index}") from error
                raise
        return parts


def num_threads(num_workers: int) -> int:
    """Share the cores out among workers: one thread each at least.

    A container may have a quota of the machine's. Source: "CPU Interface Files" of the kernel's
    documentation of control groups, version 2.
    """
    cores = (hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0))) or os.cpu_count()
    cores = cores or 1
    try:
        quota, period = _CPU_QUOTA.read_text(encoding="ascii").split()
        cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # none is set, or this is no such machine
    return max(1, cores // num_workers)
