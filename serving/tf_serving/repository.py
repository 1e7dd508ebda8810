"""Which folders of a model repository TensorFlow Serving can serve; reads names, and no files.

A model is a folder of versions, and a version a folder that is named by a whole number and holds a
SavedModel.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# What TensorFlow looks for in a folder that may be a SavedModel.
GRAPHS = ("saved_model.pb", "saved_model.pbtxt")

# Every file of a model's versions -> its size and when it was last written.
Files = Mapping[Path, tuple[int, int]]

# The spellings that absl::SimpleAtoi reads, with which TF Serving reads them.
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_VERSIONS = range(-(2**63), 2**63)


def version_of(directory: str) -> int | None:
    """Return the version that a directory's name spells (`00001` is 1), None for other names."""
    if not _WHOLE_NUMBER.fullmatch(directory):
        return None
    version = int(directory)
    return version if version in _VERSIONS else None


def is_saved_model(folder: Path) -> bool:
    """Tell whether a folder is a SavedModel, as far as its files' names tell.

    Raises:
        OSError: it may not be read.
    """
    return any((folder / graph).is_file() for graph in GRAPHS)


def find_versions(model: Path) -> dict[int, Path]:
    """Return the versions in a model's folder; what is no folder, or unreadable, has none."""
    try:
        return {version: path for version, path in _folders(model) if is_saved_model(path)}
    except OSError:
        return {}


def may_have_versions(model: Path) -> bool:
    """Tell whether a folder has versions, be it ones that can't be loaded, or at present read."""
    try:
        return bool(_folders(model))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def find_models(repository: Path) -> dict[str, Path]:
    """Return the models of a repository, by name: its folders with at least one version.

    TensorFlow Serving waits for a model that has none, and for as long reads no configuration.
    Names that are hidden, or no text, are no models' names: a configuration can't hold the latter.

    Raises:
        OSError: the repository cannot be read.
    """
    return {
        path.name: path
        for path in sorted(repository.iterdir())
        if not path.name.startswith(".") and _is_text(path.name) and find_versions(path)
    }


def files_of(model: Path) -> Files:
    """Return the files of a model's versions, as far as they are there already."""
    folders = (walked for version in find_versions(model).values() for walked in os.walk(version))
    paths = [Path(folder, name) for folder, _, names in folders for name in names]
    files = {}
    for path in paths:
        with suppress(OSError):  # renamed or deleted meanwhile
            status = path.stat()
            files[path] = (status.st_size, status.st_mtime_ns)
    return files


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _folders(model: Path) -> list[tuple[int, Path]]:
    paths = sorted(path for path in model.iterdir() if path.is_dir())
    versions = [(version_of(path.name), path) for path in paths]
    return [(version, path) for version, path in versions if version is not None]
