"""One soak: a model server and a gateway under mixed load, versions swapped, the server killed."""

import shutil
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import psutil

from bench import stack
from bench.stack import shipped_version
from serving.models import MODELS
from soak.clients import Clients
from soak.known_answers import KnownAnswers
from soak.model_server import ModelServer
from soak.questions import mixed_questions
from soak.schedule import Schedule
from soak.summary import Findings, Outage, Summary, summarise
from soak.tally import Tally
from soak.versions import (
    publish_version,
    remove_version,
    write_version,
)

# The two that are served, and one that may still be unloading.
NUM_VERSIONS_KEPT = 3
TICK_SECONDS = 0.2
BYTES_PER_MB = 1e6

Show = Callable[[float, Findings], None]


def run(schedule: Schedule, show: Show, log: IO[bytes]) -> Summary:
    """Run a soak to its end, and sum up; `show` is told now and then how far it has come.

    `log` takes what the servers say.

    Raises:
        TimeoutError: a server does not start, or service does not come back in the end.
        httpx.TransportError: the gateway does not answer at all.
    """
    with TemporaryDirectory(prefix="soak-") as folder:
        repository = Path(folder) / "models"
        for model in MODELS:
            version = shipped_version(model)
            shutil.copytree(version, repository / model / version.name)
        with ModelServer(repository, Path(folder), log=log) as server:
            server.start()
            settings = {
                "model_server": server.address,
                "predict_timeout_seconds": str(schedule.deadline_seconds),
                "log_level": "ERROR",
            }
            with stack.gateway_process(log, **settings) as (process, url):
                stack.wait_until_ready(url)
                soak = Soak(schedule, repository, server, psutil.Process(process.pid), show)
                with Clients(url, soak.questions, soak.findings.tally.hear):
                    soak.run()
                return summarise(schedule, soak.findings)


class Soak:
    """What happens in the course of a soak, and what is found."""

    def __init__(
        self,
        schedule: Schedule,
        repository: Path,
        server: ModelServer,
        gateway: psutil.Process,
        show: Show,
    ) -> None:
        self.questions = mixed_questions()
        self._known = KnownAnswers(self.questions)
        self.findings = Findings(Tally(self._known), set(), [])
        self._schedule = schedule
        self._repository = repository
        self._server = server
        self._gateway = gateway
        self._show = show
        self._models = cycle(MODELS)
        self._newest = {model: int(shipped_version(model).name) for model in MODELS}
        for model, version in self._newest.items():
            self._known.learn(model, version, repository / model / str(version))

    def run(self) -> None:
        """Do what the schedule says, each at its time, and let the last of it take effect."""
        steps = [(at, self._swap) for at in self._schedule.swap_times]
        steps += [(at, self._kill) for at in self._schedule.kill_times]
        steps += [(self._schedule.warm_up_seconds, self._weigh_first)]
        self._started = time.monotonic()
        for at, step in sorted(steps, key=lambda each: each[0]):
            self._wait_until(at)
            step()
        self._wait_until(self._schedule.seconds)
        self._settle()

    def _wait_until(self, seconds: float) -> None:
        while (left := seconds - (time.monotonic() - self._started)) > 0:
            self._weigh()
            self._show(seconds - left, self.findings)
            time.sleep(min(TICK_SECONDS, left))

    def _swap(self) -> None:
        """Publish a version of the next model, with its answers known before it can give any."""
        model = next(self._models)
        folder = self._repository / model
        self._newest[model] += 1
        version = self._newest[model]
        draft = write_version(model, version, folder)
        self._known.learn(model, version, draft)
        publish_version(draft)
        self.findings.published.add((model, version))
        remove_version(folder, version - NUM_VERSIONS_KEPT)

    def _kill(self) -> None:
        killed = time.monotonic()
        self._server.kill()
        self._server.start()
        self._server.wait_until_it_answers()
        self.findings.outages.append(Outage(killed, time.monotonic()))

    def _settle(self) -> None:
        """Wait until the last versions have answered, and any request that begins from now on."""
        now, tally = time.monotonic(), self.findings.tally
        stack.wait_until(
            lambda: self.findings.published <= tally.versions and tally.last_right > now,
            "answers by every version",
        )
        self._weigh()

    def _weigh(self) -> None:
        self.findings.memory_now_mb = self._gateway.memory_info().rss / BYTES_PER_MB

    def _weigh_first(self) -> None:
        self._weigh()
        self.findings.memory_after_warm_up_mb = self.findings.memory_now_mb
