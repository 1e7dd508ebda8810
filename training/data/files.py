"""Finds the files of public data sets: in a folder that is given, else fetched once and cached."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pooch

from training.errors import DataCorrupt, DataNotFound, WrongOption

CONNECT_TIMEOUT_SECONDS = 20
NUM_NAMED = 6  # things in a folder


@dataclass(frozen=True)
class DataFile:
    """A file as its authors publish it, and the names under which people keep it.

    `checksum` is pooch's notation, such as `md5:7c2a…`, or None where nobody has published one; it
    is checked on what is fetched, while a file in the user's own folder is read as it is. `own`
    says what other data may lie in its place.
    """

    url: str
    checksum: str | None
    names: tuple[str, ...]
    own: str


def locate(file: DataFile, folder: Path | None) -> Path:
    """Give the path of the file: in the folder, or, without one, in the user's cache.

    Raises:
        DataNotFound: the folder does not hold it, or it can be neither found nor fetched.
        DataCorrupt: what was fetched has another checksum.
    """
    if folder is None:
        return _fetch(file)
    if path := find(file, folder):
        return path
    raise DataNotFound(
        f"{folder} holds no {' or '.join(file.names)}, but {contents(folder)}: put the file there "
        f"(it is published at {file.url}), or leave --data out to have it downloaded; or put data "
        f"of your own there: {file.own}"
    )


def check_folder(folder: Path) -> None:
    """See that what `--data` names is a folder that can be read.

    Raises:
        WrongOption: it is not.
    """
    try:
        next(folder.iterdir(), None)
    except NotADirectoryError as error:
        raise WrongOption(
            f"--data {folder} is a file: name the folder that holds it, {folder.absolute().parent}"
        ) from error
    except FileNotFoundError as error:
        there = next(each for each in folder.absolute().parents if each.is_dir())
        raise WrongOption(
            f"--data {folder}: there is no such folder; {there} holds {contents(there)}"
        ) from error
    except OSError as error:
        raise WrongOption(f"--data {folder} cannot be read: {error.strerror}") from error


def contents(folder: Path) -> str:
    """Name the first few things in a folder."""
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    more = f" and {len(names) - NUM_NAMED:,} more" if len(names) > NUM_NAMED else ""
    return ", ".join(names[:NUM_NAMED]) + more if names else "nothing"


def find(file: DataFile, folder: Path) -> Path | None:
    """Give the path of the file in the folder, if it is there under one of its names."""
    return next((folder / name for name in file.names if (folder / name).is_file()), None)


def _fetch(file: DataFile) -> Path:
    cache = pooch.os_cache("tfgate")
    name = file.names[0]
    download = pooch.HTTPDownloader(progressbar=True, timeout=CONNECT_TIMEOUT_SECONDS)
    try:
        return Path(pooch.retrieve(file.url, file.checksum, name, cache, downloader=download))
    except OSError as error:
        raise DataNotFound(
            f"{file.url} cannot be downloaded: get the file elsewhere, put it into a folder as "
            f"{name}, and name that folder with --data"
        ) from error
    except ValueError as error:
        raise DataCorrupt(
            f"what {file.url} sent does not have the checksum {file.checksum}: try again, or get "
            f"the file elsewhere, put it into a folder as {name}, and name that folder with --data"
        ) from error


def sha256(path: Path) -> str:
    """Give the checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
