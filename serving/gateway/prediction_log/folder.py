"""The names of a log's files in their folder, and how much they may take together.

A name begins with the time, and has the host, the process and a number, so that no two writers
meet in one file. One that begins with an underscore is not for readers of Parquet yet: they pass
over such files (Arrow, Spark and Hive alike).
"""

import os
import re
import socket
import time
from itertools import count
from pathlib import Path

_NAME = re.compile(r"_?predictions-\d{8}T\d{6}Z-[A-Za-z0-9._-]+-\d+-\d{6}\.(jsonl|parquet)")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
# Of the bytes that all files may have, which are kept free: processes that see at the same moment
# that there is room do not wait for each other.
_SPARE = 0.1


def time_in_name(seconds: float) -> str:
    """Write a time of time.time() as names have it."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def create(folder: Path, when: str, suffix: str, *, hidden: bool) -> Path:
    """Create a file that nobody else has, which only its owner may read; and the folder.

    Raises:
        OSError: it cannot be.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    host = _UNSAFE.sub("_", socket.gethostname())[:64] or "host"
    for number in count(1):
        name = f"predictions-{when}-{host}-{os.getpid()}-{number:06}"
        # Nor is there a table of that name, which lines are going to be.
        if any(folder.glob(f"*{name}.*")):
            continue
        path = folder / f"{'_' if hidden else ''}{name}{suffix}"
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            continue
        return path
    raise AssertionError


def claim(path: Path) -> Path:
    """Make a file one's own that another process has left, and tell its new name.

    Raises:
        FileNotFoundError: a third one was faster.
    """
    os.utime(path)  # whoever looks from now on finds it new
    own = create(path.parent, path.name.split("-")[1], path.suffix, hidden=True)
    try:
        return path.rename(own)
    except FileNotFoundError:
        own.unlink()
        raise


def files(folder: Path) -> list[Path]:
    """List the files of the log, and no others, the oldest first."""
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: path.name.removeprefix("_"))


def make_room(folder: Path, num_bytes: int, max_bytes: int, *, wanted: Path | None = None) -> None:
    """Take the oldest files away, but for one, until so many bytes more are within the bound.

    Raises:
        OSError: they never are, or a file cannot be taken away.
    """
    bound = int(max_bytes * (1 - _SPARE))
    if num_bytes > bound:
        message = f"{num_bytes:,} bytes at once are more than {bound:,} of the log's {max_bytes:,}"
        raise OSError(message)
    sizes = {path: size_of(path) for path in files(folder)}
    total = sum(sizes.values())
    for path, size in sizes.items():
        if total + num_bytes <= bound:
            return
        if path != wanted:
            path.unlink(missing_ok=True)
            total -= size


def size_of(path: Path) -> int:
    """Say how large a file is; one that another process has taken away has nothing."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
