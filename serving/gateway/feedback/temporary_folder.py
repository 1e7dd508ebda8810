"""A folder for a store that ends with its gateway, which cleaners of temporary files pass over."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "feedback.sqlite"  # what the store in it is called


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for as long as the context lasts.

    Raises:
        OSError: there is no place for it.
    """
    with tempfile.TemporaryDirectory(prefix="tfgate-feedback-", ignore_cleanup_errors=True) as name:
        # systemd-tmpfiles passes over what is locked (tmpfiles.d(5)).
        lock = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield Path(name)
        finally:
            os.close(lock)
