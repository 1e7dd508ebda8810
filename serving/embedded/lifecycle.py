"""The life of every version from being aspired to being freed; reads no configuration.

One thread takes one step every tenth of a second, as TF Serving's manager does: new versions are
loaded before old ones are unloaded, and an unload waits until its last call has finished. Unlike
there, a version that failed to load is tried anew once other files lie in its folder and none of
them has changed between two polls: it may have been met half-way through its copying.
"""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from serving.embedded.availability import Phase, VersionSnapshot, next_action
from serving.embedded.servable import Servable
from serving.embedded.state_reports import (
    AVAILABLE,
    END,
    LOADING,
    START,
    UNLOADING,
    StateReports,
)
from serving.embedded.statuses import StatusError, not_found, unknown

# aspired_versions_manager.h: manage_state_interval_micros; shorter while a server starts.
_SECONDS_BETWEEN_STEPS = 0.1
_SECONDS_BETWEEN_FIRST_STEPS = 0.01

_PHASES: dict[int, Phase] = {START: "new", AVAILABLE: "ready"}

# Every file of a version -> its size and when it was last written.
Files = Mapping[Path, tuple[int, int]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    retries: int
    interval_seconds: float


@dataclass
class ManagedVersion:
    model: str
    version: int
    directory: Path
    wanted: bool = True
    state: int = START
    servable: Servable | None = None
    attempts: int = 0
    next_attempt: float = 0.0  # monotonic seconds
    error: StatusError | None = None
    files_tried: Files = field(default_factory=dict)
    files_seen: Files = field(default_factory=dict)  # by the latest poll after a failure
    calls_in_flight: int = 0

    def snapshot(self) -> VersionSnapshot:
        """Return what the availability policy needs to know."""
        return VersionSnapshot(self.version, self.wanted, _PHASES.get(self.state, "between"))


class Lifecycle:
    """All versions of all models; `aspire` says which are wanted, `in_use` hands them to calls."""

    def __init__(
        self, load: Callable[[Path], Servable], retry: RetryPolicy, reports: StateReports
    ) -> None:
        self._load_servable = load
        self._retry = retry
        self._reports = reports
        self._lock = threading.Lock()
        self._managed: dict[str, dict[int, ManagedVersion]] = {}
        self._serving: dict[str, dict[int, ManagedVersion]] = {}
        self._postponed: dict[str, Mapping[int, Path]] = {}
        self._pause = _SECONDS_BETWEEN_FIRST_STEPS
        self._starting = True
        self._next_step = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lifecycle", daemon=True)
        # TensorFlow's own names of these counts.
        self.load_metrics: Counter[str] = Counter()

    def start(self) -> None:
        """Begin to take steps, in quick succession until `first_models_are_loaded`."""
        self._thread.start()

    def first_models_are_loaded(self) -> None:
        """Go over to the pace of a server in service, once nothing is left to load."""
        self._starting = False

    def stop(self) -> None:
        """Take no further step, and free every version; what still runs is cancelled."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        every = [managed for versions in self._managed.values() for managed in versions.values()]
        servables = [managed.servable for managed in every if managed.servable]
        # Closing a version waits for its calls, and these may wait for threads of TensorFlow's
        # that another version's calls hold until it is closed too.
        with ThreadPoolExecutor(max(1, len(servables))) as closing:
            list(closing.map(lambda servable: servable.close(), servables))

    def aspire(self, model: str, directories: Mapping[int, Path]) -> None:
        """Say which versions of a model are wanted from now on, and where they lie."""
        changed = self._whole_since_they_failed(model)
        with self._lock:
            self._aspire(model, directories)
            for managed in changed:
                self._try_anew(managed)

    @contextmanager
    def in_use(self, model: str, version: int | None) -> Iterator[tuple[int, Servable]]:
        """Hold an available version (None: the latest) for one call; it is not freed meanwhile.

        Raises:
            StatusError: NOT_FOUND when no such version is available.
        """
        with self._lock:
            versions = self._serving.get(model, {})
            number = max(versions, default=None) if version is None else version
            managed = versions.get(number) if number is not None else None
            if managed is None or managed.servable is None:
                asked = f"Latest({model})" if version is None else f"Specific({model}, {version})"
                raise not_found(f"Servable not found for request: {asked}")
            managed.calls_in_flight += 1
        try:
            yield managed.version, managed.servable
        finally:
            with self._lock:
                managed.calls_in_flight -= 1

    def _run(self) -> None:
        while not self._stopping.wait(self._pause):
            found_work = self._step()
            if not found_work and not self._starting:
                self._pause = _SECONDS_BETWEEN_STEPS

    def _aspire(self, model: str, directories: Mapping[int, Path]) -> None:
        managed = self._managed.setdefault(model, {})
        self._postponed.pop(model, None)
        if any(version in managed and not managed[version].wanted for version in directories):
            # A version on its way out must be gone before it can come back.
            self._postponed[model] = directories
            return
        for version, known in managed.items():
            known.wanted = version in directories
        for version in directories.keys() - managed.keys():
            managed[version] = ManagedVersion(model, version, directories[version])
            self._reports.publish(model, version, START)
            self._next_step = time.monotonic() + self._pause

    def _whole_since_they_failed(self, model: str) -> list[ManagedVersion]:
        """Return the failed versions that have changed since, but not since the latest poll."""
        with self._lock:
            failed = [managed for managed in self._managed.get(model, {}).values() if managed.error]
        whole = []
        for managed in failed:
            # Not under the lock, which every call needs: a disk may be slow.
            files = _files_in(managed.directory)
            if files == managed.files_seen and files != managed.files_tried:
                whole.append(managed)
            managed.files_seen = files
        return whole

    def _try_anew(self, managed: ManagedVersion) -> None:
        if not managed.wanted or not managed.error:
            return
        managed.error = None
        managed.attempts = 0
        self._report(managed, START)

    def _step(self) -> bool:
        """Take the next step; return whether there was one."""
        with self._lock:
            self._forget_ended()
            for model, directories in list(self._postponed.items()):
                self._aspire(model, directories)
            step = self._choose() if time.monotonic() >= self._next_step else None
        if step is None:
            return False
        step()
        return True

    def _choose(self) -> Callable[[], None] | None:
        """Pick a step: to free memory, unload, load what is due again, or load what is new."""
        now = time.monotonic()
        every = [managed for versions in self._managed.values() for managed in versions.values()]
        for managed in every:
            if managed.state == UNLOADING and managed.calls_in_flight == 0:
                return partial(self._free, managed)
        loads = [m for m in every if m.state == LOADING and m.next_attempt <= now]
        for versions in self._managed.values():
            action = next_action(managed.snapshot() for managed in versions.values())
            if action and action.verb == "unload":
                return partial(self._unload, versions[action.version])
            if action:
                loads.append(versions[action.version])
        return partial(self._load, loads[0]) if loads else None

    def _load(self, managed: ManagedVersion) -> None:
        with self._lock:
            managed.error = None
            self._report(managed, LOADING)
        managed.files_tried = _files_in(managed.directory)
        error: StatusError | None = None
        started = time.monotonic()
        try:
            managed.servable = self._load_servable(managed.directory)
        except StatusError as refusal:
            error = refusal
        except Exception as failure:  # noqa: BLE001 - no version may end the thread
            error = unknown(f"{type(failure).__name__}: {failure}")
        seconds = time.monotonic() - started
        self.load_metrics["/tensorflow/cc/saved_model/load_attempt_count"] += 1
        self.load_metrics["/tensorflow/cc/saved_model/load_latency"] += int(seconds * 1e6)
        with self._lock:
            if error is None:
                self._serving.setdefault(managed.model, {})[managed.version] = managed
                self._report(managed, AVAILABLE)
                _log.info("Loaded %s version %d in %.1f s", managed.model, managed.version, seconds)
            else:
                managed.error = error
                self._retry_or_give_up(managed)

    def _retry_or_give_up(self, managed: ManagedVersion) -> None:
        managed.attempts += 1
        _log.warning(
            "Loading %s version %d failed: %s", managed.model, managed.version, managed.error
        )
        if managed.attempts > self._retry.retries or not managed.wanted:
            self._report(managed, END)
        else:
            managed.next_attempt = time.monotonic() + self._retry.interval_seconds

    def _unload(self, managed: ManagedVersion) -> None:
        """Take no new calls; a later step frees the version when its last call has finished."""
        with self._lock:
            self._report(managed, UNLOADING)
            del self._serving[managed.model][managed.version]

    def _free(self, managed: ManagedVersion) -> None:
        if managed.servable:
            managed.servable.close()
        with self._lock:
            managed.servable = None
            self._report(managed, END)
        _log.info("Unloaded %s version %d", managed.model, managed.version)

    def _forget_ended(self) -> None:
        for versions in self._managed.values():
            for managed in [m for m in versions.values() if not m.wanted]:
                if managed.state in (START, LOADING) and managed.servable is None:
                    self._report(managed, END)
                if managed.state == END:
                    del versions[managed.version]

    def _report(self, managed: ManagedVersion, state: int) -> None:
        managed.state = state
        self._reports.publish(managed.model, managed.version, state, managed.error)


def _files_in(directory: Path) -> Files:
    found = {}
    for folder, _, names in os.walk(directory):
        for path in (Path(folder, name) for name in names):
            with suppress(OSError):  # gone in the meantime
                status = path.stat()
                found[path] = (status.st_size, status.st_mtime_ns)
    return found
