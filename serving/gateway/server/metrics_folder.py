"""The folder in which several workers count, each in files of its own that it maps into memory."""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOGGER = logging.getLogger("tfgate.server")
# Memory that no cleaner visits, and that is writable where a container's file system is not.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # mkdtemp makes a folder there that is ours alone
# A worker's files have some 100,000 bytes, and more with each version. The kernel kills who writes
# to a mapped file on a file system that is full.
_MIN_FREE_BYTES = 8_000_000


class NoMetricsFolder(Exception):
    """Nowhere is there room for the files in which workers count."""


class MetricsFolder:
    """A folder that is there whenever a worker starts, whatever has been cleaned up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1
        self._hold()

    def restore(self) -> None:
        """Make the folder again if somebody has removed it."""
        if self.path.is_dir():
            return
        _LOGGER.error(
            "somebody has removed %s, where workers count: of those that run now, /metrics shows "
            "nothing more until they are replaced; keep cleaners of temporary files away from it",
            self.path,
        )
        with suppress(OSError):  # a full disk may be emptied; until then, workers tell of it
            self.path.mkdir(mode=0o700, parents=True)
            self._hold()

    def remove(self) -> None:
        """Leave nothing behind."""
        os.close(self._lock)
        shutil.rmtree(self.path, ignore_errors=True)

    def _hold(self) -> None:
        """Lock the folder: systemd-tmpfiles passes over what is locked (tmpfiles.d(5))."""
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_SH)


@contextmanager
def metrics_folder() -> Iterator[MetricsFolder]:
    """Make a folder for as long as the context lasts.

    Raises:
        NoMetricsFolder: there is no place for it.
    """
    folder = MetricsFolder(_new_folder())
    try:
        yield folder
    finally:
        folder.remove()


def _new_folder() -> Path:
    tried = []
    for place in _places():
        try:
            folder = Path(tempfile.mkdtemp(prefix="tfgate-metrics-", dir=place))
        except OSError as error:
            tried.append(f"{place}: {error.strerror}")
            continue
        if shutil.disk_usage(folder).free >= _MIN_FREE_BYTES:
            return folder
        folder.rmdir()
        tried.append(f"{place}: it is full")
    message = (
        f"several workers count in files, and there is no place for them ({'; '.join(tried)}). "
        "Name a writable folder in TMPDIR, or run one worker."
    )
    raise NoMetricsFolder(message)


def _places() -> Iterator[Path]:
    """Name where the folder may be; a TMPDIR was chosen by somebody, and comes first."""
    if chosen := os.environ.get("TMPDIR"):
        yield Path(chosen)
    yield _SHARED_MEMORY
    # Not tempfile.gettempdir(), which would take the working directory as well.
    yield Path("/tmp")  # noqa: S108  # see above
