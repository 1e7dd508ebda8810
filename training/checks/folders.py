"""The folders that a training writes to: seen to be writable before hours are spent."""

import os
from pathlib import Path

from training.errors import NotWritable


def check_writable(folder: Path) -> None:
    """See that something can be written there; a folder that is missing will be made.

    Raises:
        NotWritable: nothing can.
    """
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise NotWritable(f"{folder} cannot be written to: {there} is a file; name another folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise NotWritable(
            f"{folder} cannot be written to: {there} is read-only for you; change its permissions, "
            "or name another folder (--repository, --checkpoints, --reports, --tensorboard)"
        )
