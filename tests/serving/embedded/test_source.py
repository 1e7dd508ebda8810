"""What becomes of a model when its folder, or the repository around it, is not what it was."""

import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tensorflow_serving.config.file_system_storage_path_source_pb2 import (
    FileSystemStoragePathSourceConfig,
)

from serving.embedded.source import FileSystemSource, WatchedModel

Policy = FileSystemStoragePathSourceConfig.ServableVersionPolicy


class Watched:
    """A repository of two models; `wanted` is what the source last said of each."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self.wanted: dict[str, set[int]] = {}
        self._source = FileSystemSource(self._aspire, poll_seconds=0)
        for name, version in (("house", "1"), ("ship", "2")):
            (repository / name / version).mkdir(parents=True)
        self.look()

    def look(self) -> None:
        """Poll the repository."""
        models = [WatchedModel(n, str(self.repository / n), Policy()) for n in ("house", "ship")]
        self._source.watch(models)

    def _aspire(self, model: str, versions: Mapping[int, Path]) -> None:
        self.wanted[model] = set(versions)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "repository")


def unmount(repository: Path) -> None:
    """Leave the mount point, which is an empty folder."""
    shutil.rmtree(repository)
    repository.mkdir()


def lose_one(repository: Path) -> None:
    shutil.rmtree(repository / "house")


def link_to_nowhere(repository: Path) -> None:
    lose_one(repository)
    (repository / "house").symlink_to("nowhere")


def link_to_itself(repository: Path) -> None:
    lose_one(repository)
    (repository / "house").symlink_to("house")


def write_file(repository: Path) -> None:
    lose_one(repository)
    (repository / "house").touch()


@pytest.mark.parametrize(
    "outage",
    [shutil.rmtree, unmount, lose_one, link_to_nowhere, link_to_itself, write_file],
)
def test_what_is_loaded_stays_while_the_repository_is_away(
    watched: Watched, outage: Callable[[Path], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing changes for any model, though another one may have a new version: as TF Serving."""
    outage(watched.repository)
    (watched.repository / "ship" / "3").mkdir(parents=True)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            watched.look()
    assert watched.wanted == {"house": {1}, "ship": {2}}
    assert caplog.text.count(f"Could not find base path {watched.repository}/house") == 1, (
        "it is said once, and not at every look"
    )

    shutil.rmtree(watched.repository)
    (watched.repository / "house" / "1").mkdir(parents=True)
    (watched.repository / "ship" / "3").mkdir(parents=True)
    watched.look()
    assert watched.wanted == {"house": {1}, "ship": {3}}


def test_a_models_folder_without_versions_withdraws_them_all(watched: Watched) -> None:
    """No server can tell an empty mount point from a folder whose versions were taken away.

    TensorFlow Serving unloads them (recorded: status_live_all_deleted) and has no flag against it.
    """
    unmount(watched.repository / "house")
    watched.look()
    assert watched.wanted == {"house": set(), "ship": {2}}
