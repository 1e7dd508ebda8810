"""Watching base paths for version directories; says which are wanted and loads nothing."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.embedded.statuses import StatusError, not_found
from serving.embedded.version_policy import versions_on_disk, wanted_versions

_log = logging.getLogger(__name__)

Aspire = Callable[[str, Mapping[int, Path]], None]


@dataclass(frozen=True)
class WatchedModel:
    """A model's base path and the policy (a ServableVersionPolicy) that picks its versions."""

    name: str
    base_path: str
    policy: Any


class FileSystemSource:
    """Polls the base paths of the watched models.

    `poll_seconds` of 0 polls once at the start and after every change of configuration, below 0
    never.
    """

    def __init__(self, aspire: Aspire, poll_seconds: int) -> None:
        self._aspire = aspire
        self._poll_seconds = poll_seconds
        self._lock = threading.Lock()
        self._models: dict[str, WatchedModel] = {}
        self._complaint = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="file system source", daemon=True)

    @property
    def names(self) -> set[str]:
        return set(self._models)

    def start(self) -> None:
        if self._poll_seconds > 0:
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def watch(self, models: Iterable[WatchedModel]) -> None:
        """Watch these models in place of the earlier ones, whose versions are wanted no more."""
        with self._lock:
            watched = {model.name: model for model in models}
            for name in self._models.keys() - watched.keys():
                self._aspire(name, {})
            self._models = watched
        if self._poll_seconds >= 0:
            self._poll()

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            self._poll()

    def _poll(self) -> None:
        """Look at every base path first: one that is missing leaves all models as they are."""
        with self._lock:
            try:
                found = {name: _wanted_directories(m) for name, m in self._models.items()}
            except StatusError as error:
                self._complain(error.message)
                return
            empty = [self._models[name] for name, directories in found.items() if not directories]
            self._complain(" ".join(_without_versions(model) for model in empty))
            for name, directories in found.items():
                self._aspire(name, directories)

    def _complain(self, complaint: str) -> None:
        """Log what hinders loading, once and not at every poll."""
        if complaint and complaint != self._complaint:
            _log.warning("%s", complaint)
        self._complaint = complaint


def _wanted_directories(model: WatchedModel) -> dict[int, Path]:
    base_path = Path(model.base_path.removeprefix("file://"))
    try:
        names = [path.name for path in base_path.iterdir()]
    except OSError as error:
        raise not_found(
            f"Could not find base path {model.base_path} for servable {model.name} "
            f"({error.strerror}); nothing is loaded or unloaded until it exists."
        ) from error
    versions = versions_on_disk(names)
    return {v: base_path / versions[v] for v in wanted_versions(model.policy, versions)}


def _without_versions(model: WatchedModel) -> str:
    return (
        f"No wanted version of servable {model.name} lies under base path {model.base_path}; "
        "a version is a folder named by a whole number, such as 1."
    )
