"""Several workers as one program: starts, replaces and stops them; itself serves nothing."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from prometheus_client.multiprocess import mark_process_dead

from serving.gateway.feedback.temporary_folder import FILE, temporary_folder
from serving.gateway.middleware.keys import WrongKeys
from serving.gateway.server.files import check_files
from serving.gateway.server.listener import GRPC_PORT, listen
from serving.gateway.server.metrics_folder import MetricsFolder, metrics_folder
from serving.gateway.server.metrics_port import expose
from serving.gateway.settings import Settings, WrongSettings, settings_of_parent
from serving.typed_models import WrongModels

_LOGGER = logging.getLogger("tfgate.server")
_POLL_SECONDS = 0.1
_KILL_SECONDS = 5  # beyond the time that a worker allows itself
_EARLY_SECONDS = 10  # a start takes one; who dies in these never came to serve, or not for long
_MAX_EARLY_DEATHS = 3  # in a row, of one worker and those in its place


class WorkersDie(Exception):
    """Workers end as soon as they are started."""


class _Worker:
    """One place among the workers, and the process that fills it now."""

    def __init__(self, settings: Settings, folder: MetricsFolder) -> None:
        self._settings = settings
        self._folder = folder
        self._early_deaths = 0
        self._waits = False
        self._start()

    def _start(self) -> None:
        # The pipe tells the worker its settings and, when it breaks, that we are gone.
        reading_end, self._pipe = os.pipe()
        os.write(self._pipe, self._settings.model_dump_json().encode() + b"\n")
        # In a session of its own, Ctrl-C reaches it only through us, and so only once.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serving.gateway.server.worker"],
            stdin=reading_end,
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(self._folder.path)},
            start_new_session=True,
        )
        os.close(reading_end)
        self._started = time.monotonic()

    def is_running(self) -> bool:
        return self.process.poll() is None

    def _can_start(self) -> bool:
        """Tell whether a worker would find good files: those that run have what was in them."""
        try:
            # One may also have gone, as while it is replaced.
            check_files(settings_of_parent(self._settings.model_dump_json()))
        except (WrongKeys, WrongModels, WrongSettings) as error:
            if not self._waits:
                message = "worker %d died; waiting for good files: %s"
                _LOGGER.error(message, self.process.pid, error)
            self._waits = True
            return False
        self._waits = False
        return True

    def replace(self) -> None:
        """Start another process in the place of one that has died, as soon as one can.

        Raises:
            WorkersDie: the last ones here all died early.
        """
        if not self._can_start():
            return
        status = self.process.returncode
        ended = f"was killed by signal {-status}" if status < 0 else f"exited with code {status}"
        is_early = time.monotonic() - self._started < _EARLY_SECONDS
        self._early_deaths = self._early_deaths + 1 if is_early else 0
        if self._early_deaths == _MAX_EARLY_DEATHS:
            message = (
                f"a worker {ended}, as did those before it, within {_EARLY_SECONDS} seconds of its "
                f"start; its own last words are above."
            )
            raise WorkersDie(message)
        _LOGGER.error("worker %d %s; starting another", self.process.pid, ended)
        # What it counted stays; what it had in progress is no more.
        mark_process_dead(self.process.pid, str(self._folder.path))  # type: ignore[no-untyped-call]
        os.close(self._pipe)
        self._start()


def supervise(settings: Settings) -> None:
    """Keep workers running until SIGTERM or SIGINT.

    Raises:
        CannotListen: another program listens there, or the host is not this machine's.
        NoMetricsFolder: they have nowhere to count.
        WorkersDie: they end as soon as they are started.
    """
    # A shared port would in silence be shared with whoever has it already.
    listen(settings.host, settings.port).close()
    with (
        listen(settings.host, settings.port, shared=True) as reserved,
        _reserved_for_grpc(settings) as grpc_port,
        metrics_folder() as folder,
        _shared_store(settings.store) as store,
    ):
        if settings.metrics_port is not None:
            expose(settings.host, settings.metrics_port, folder.path)
        received = _receive_signals()
        port = reserved.getsockname()[1]
        settings = settings.model_copy(
            update={"port": port, "grpc_port": grpc_port, "store": store}
        )
        workers = [_Worker(settings, folder) for _ in range(settings.workers)]
        try:
            while not received:
                folder.restore()
                for worker in workers:
                    if not worker.is_running():
                        worker.replace()
                time.sleep(_POLL_SECONDS)
        finally:
            if not received:
                # Something went wrong here, of which the workers know nothing.
                received.append(signal.SIGTERM)
            allowed = settings.drain_seconds + settings.shutdown_grace_seconds + _KILL_SECONDS
            _stop(workers, received, allowed)


@contextmanager
def _reserved_for_grpc(settings: Settings) -> Iterator[int | None]:
    """Keep the port for gRPC that the workers share, if there is one; yields its number."""
    if settings.grpc_port is None:
        yield None
        return
    with listen(settings.host, settings.grpc_port, option=GRPC_PORT, shared=True) as reserved:
        yield reserved.getsockname()[1]


@contextmanager
def _shared_store(store: str) -> Iterator[str]:
    """Give the workers one file in place of one for each; yields the store that they have."""
    with ExitStack() as stack:
        if store == "sqlite":
            # Without a place for it, each of them tells that its store does not work.
            with suppress(OSError):
                folder = stack.enter_context(temporary_folder())
                store = f"sqlite://{folder / FILE}"
        yield store


def _receive_signals() -> deque[int]:
    """Return where the signals to stop arrive, from now on."""
    received: deque[int] = deque()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: received.append(number))
    return received


def _stop(workers: list[_Worker], received: deque[int], allowed_seconds: float) -> None:
    """Pass signals on to the workers until they have ended; kill those that take too long."""
    deadline = time.monotonic() + allowed_seconds
    while running := [worker.process for worker in workers if worker.is_running()]:
        if received:
            number = received.popleft()
            for process in running:
                process.send_signal(number)
        elif time.monotonic() > deadline:
            for process in running:
                _LOGGER.error("worker %d did not end in time; killing it", process.pid)
                process.kill()
        time.sleep(_POLL_SECONDS)
