"""Runs inside locust, as a second locust file: counts requests, and tells what it counted."""

import math
import os
import time
from collections import Counter, defaultdict
from typing import IO, Any

import gevent
from locust import events
from locust.env import Environment

from tfgate.loadtest.counts import PIPE_VARIABLE, Counts, ModelCounts


class CountWriter:
    """Counts the requests of an environment's users, and writes the counts as JSON Lines."""

    def __init__(self, environment: Environment, pipe: IO[str]) -> None:
        self._environment = environment
        self._pipe = pipe
        self._start: float | None = None
        options: Any = environment.parsed_options
        self._answered: dict[str, Counter[int]] = {model: Counter() for model in options.model}
        self._failed: dict[str, Counter[str]] = defaultdict(Counter)

    def start(self, **_: Any) -> None:
        """Tell from now on, every second."""
        self._start = time.monotonic()
        gevent.spawn(self._tell_every_second)

    def count(
        self, name: str, response_time: float, exception: Exception | None = None, **_: Any
    ) -> None:
        """Count a request that has ended; its name is the model's."""
        if exception is None:
            self._answered[name][math.ceil(response_time)] += 1
        else:
            self._failed[name][str(exception)] += 1

    def tell(self, **_: Any) -> None:
        """Write one line."""
        runner = self._environment.runner
        if self._start is None or runner is None:
            return
        counts = Counts(
            seconds=time.monotonic() - self._start,
            users=runner.user_count,
            starved=runner.cpu_warning_emitted,
            models={
                model: ModelCounts(
                    answered=self._answered.get(model, {}), failed=self._failed.get(model, {})
                )
                for model in sorted(self._answered.keys() | self._failed.keys())
            },
        )
        self._pipe.write(f"{counts.model_dump_json()}\n")
        self._pipe.flush()

    def _tell_every_second(self) -> None:
        while True:
            gevent.sleep(1)
            self.tell()


@events.init.add_listener
def begin(environment: Environment, **_: Any) -> None:
    """Count whatever this environment's users send."""
    writer = CountWriter(environment, os.fdopen(int(os.environ[PIPE_VARIABLE]), "w"))
    environment.events.test_start.add_listener(writer.start)
    environment.events.request.add_listener(writer.count)
    environment.events.quitting.add_listener(writer.tell)
