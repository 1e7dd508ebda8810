"""What lies at a path: a version, a model with versions, or a repository of models."""

import re
from dataclasses import dataclass
from pathlib import Path

from tfgate.inspection import foreign

GRAPHS = ("saved_model.pb", "saved_model.pbtxt", "saved_model.cpb")
_NUM_NAMED = 6  # things in a folder


class NotASavedModel(Exception):
    """What was named holds no SavedModel; the message says what it is, and what to do."""


@dataclass(frozen=True)
class Place:
    """The folder of a version; the names of the folders above tell which it is, if they can."""

    folder: Path
    model: str
    version: int | None = None

    def __str__(self) -> str:
        return self.model if self.version is None else f"{self.model}, version {self.version}"


def find(path: Path) -> list[Place]:
    """Give the version that lies at a path, the newest of a model, or that of each model.

    Raises:
        NotASavedModel: there is none.
    """
    if not path.exists():
        raise NotASavedModel(f"there is no {path}; {_contents(_nearest(path))}")
    if path.is_file():
        if path.name not in GRAPHS:
            hint = foreign.told(path) or f"{path.name} is a file of a kind that is not known here"
            raise NotASavedModel(f"{hint}. A SavedModel is a folder with saved_model.pb in it")
        path = path.parent
    # Above all for the names of the folders above.
    path = path.resolve()
    try:
        places = _places(path)
    except OSError as error:
        raise NotASavedModel(f"{path} cannot be read: {error.strerror}") from error
    return places


def has_graph(folder: Path) -> bool:
    """Tell whether a folder is that of a version."""
    return any((folder / name).is_file() for name in GRAPHS)


def _places(path: Path) -> list[Place]:
    if newest := _newest(path):
        return [newest]
    folders = sorted(folder for folder in path.iterdir() if folder.is_dir())
    models = [place for folder in folders if (place := _newest(folder))]
    if models:
        return models
    if (path / "variables").is_dir():
        raise NotASavedModel(
            f"{path} has a folder of variables, but no saved_model.pb: it was copied in part, or "
            "is being written. Copy it again, saved_model.pb too"
        )
    hint = foreign.of_folder(path) or _contents(path)
    raise NotASavedModel(f"{path} holds no SavedModel, which has a file saved_model.pb; {hint}")


def _newest(folder: Path) -> Place | None:
    """Give the version that a folder is, or the newest of those that it holds."""
    if has_graph(folder):
        if _is_number(folder.name):
            return Place(folder, folder.parent.name, int(folder.name))
        return Place(folder, folder.name)
    numbers = [each for each in folder.iterdir() if each.is_dir() and _is_number(each.name)]
    if not numbers:
        return None
    newest = max(numbers, key=lambda each: int(each.name))
    return Place(newest, folder.name, int(newest.name))


def _is_number(name: str) -> bool:
    """Tell whether the model server takes a folder's name for a version's."""
    return re.fullmatch(r"[0-9]+", name) is not None


def _nearest(path: Path) -> Path:
    return next(each for each in path.absolute().parents if each.is_dir())


def _contents(folder: Path) -> str:
    names = sorted(each.name + "/" * each.is_dir() for each in folder.iterdir())
    more = f" and {len(names) - _NUM_NAMED:,} more" if len(names) > _NUM_NAMED else ""
    return f"{folder} holds {', '.join(names[:_NUM_NAMED]) or 'nothing'}{more}"
