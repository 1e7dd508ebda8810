"""Reads a user's own examples: a folder for each class, and in it a file for each example.

It knows neither pictures nor texts; a `FileKind` says how a file becomes an example.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich import get_console
from rich.progress import track
from sklearn.model_selection import train_test_split

from serving.card import DataFinding
from serving.contract import Model, Tensors
from serving.errors import TfgateError
from training.data.examples import Data, Examples, Splits
from training.data.files import DataFile, contents, find
from training.data.finding import finding, warning_up_to
from training.errors import DataNotFound, DataUnfit

TRAIN, VALIDATION, TEST = "train", "validation", "test"
UNLABELLED = ("unlabelled", "unsup")  # folders that may stand among those of the classes

FEWEST_PER_CLASS = 20  # so that some of each class are in what is held out
MOST_UNREADABLE = 0.01  # share of the files
NUM_NAMED = 3  # files in a message
NOBODYS = frozenset({"thumbs.db", "desktop.ini"})  # which Windows leaves in folders


@dataclass(frozen=True)
class FileKind:
    """How files become examples of the model that is called `name`.

    `read` gives what the tensor of the model's signature holds in a row. It raises ValueError, or
    what the gateway raises, if the file holds nothing of the kind.
    """

    name: str
    model: Model[Any, Any]
    tensor: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes], Any]

    def stack(self, rows: list[Any]) -> Tensors:
        """Put rows together into the tensor, none of them too."""
        spec = self.model.signature.inputs[self.tensor]
        tensor = np.array(rows, dtype=spec.numpy_dtype).reshape(len(rows), *spec.row_shape)
        return {self.tensor: tensor}


class _File(NamedTuple):
    """A file that was read; without a row, `fault` says why."""

    path: Path
    sha256: str
    row: Any = None
    fault: str | None = None


Folders = Mapping[str, list[Path]]  # by their names, the paths of the files inside


def load(folder: Path | None, public: DataFile, kind: FileKind) -> Data | None:
    """Read the examples in the folder, if it holds some and not the public data set.

    There are folders for the parts, and in them those for the classes; those of the part `train`
    may also lie in `folder` itself. Parts that have no folder are held out of it.

    Raises:
        DataUnfit: the classes are not as many as the model's, they differ between the parts, or one
            has too few readable files.
    """
    if folder is None or find(public, folder):
        return None
    found = _find(folder, kind)
    return _load(folder, found, kind) if found else None


def read(folder: Path | None, kind: FileKind) -> Data:
    """Read the examples in the folder, of a model that has no public data set.

    Raises:
        DataNotFound: no folder is named, or it has no folder with such files.
        DataUnfit: as `load` says.
    """
    if folder is None:
        raise DataNotFound(f"{kind.name} has no public data set: name a folder of yours by --data")
    if not (found := _find(folder, kind)):
        raise DataNotFound(
            f"{folder} holds {contents(folder)}, and no folder for each class with files in it "
            f"whose names end in {' or '.join(kind.suffixes)}"
        )
    return _load(folder, found, kind)


def _find(folder: Path, kind: FileKind) -> dict[str, Folders]:
    """Give the folders with such files by part; those in `folder` itself are the part `train`."""
    parts = {part: _folders(folder / part, kind) for part in (TRAIN, VALIDATION, TEST)}
    parts[TRAIN] = parts[TRAIN] or _folders(folder, kind)
    return {part: folders for part, folders in parts.items() if folders}


def _folders(parent: Path, kind: FileKind) -> Folders:
    folders = sorted(parent.iterdir()) if parent.is_dir() else []
    paths = {each.name: _paths(each, kind) for each in folders if each.is_dir()}
    return {name: inside for name, inside in paths.items() if inside}


def _paths(folder: Path, kind: FileKind) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in kind.suffixes)


def _load(folder: Path, found: Mapping[str, Folders], kind: FileKind) -> Data:
    classes = tuple(name for name in found[TRAIN] if name not in UNLABELLED)
    _check_classes(folder, classes, found, kind)
    files = {part: _read_folders(folders, kind) for part, folders in found.items()}
    _check_counts(classes, files[TRAIN])
    all_files = [file for folders in files.values() for each in folders.values() for file in each]
    parts = {part: _examples(folders, classes, kind) for part, folders in files.items()}
    methods = [_complete(parts, part, share) for part, share in ((TEST, 0.2), (VALIDATION, 0.1))]
    return Data(
        name=folder.resolve().name,
        source=f"{len(all_files):,} files of the user's own, in a folder for each class",
        sha256=_checksum(folder, all_files),
        development=_join(parts[TRAIN], parts[VALIDATION]),
        test=parts[TEST],
        classes=classes,
        unlabelled=_unlabelled(files[TRAIN], parts[TEST], kind),
        findings=(*_unreadable(folder, all_files), *_left_out(folder, all_files, kind)),
        splits=Splits(parts[TRAIN], parts[VALIDATION], "; ".join(methods)),
    )


def _check_classes(
    folder: Path, classes: tuple[str, ...], found: Mapping[str, Folders], kind: FileKind
) -> None:
    (declared,) = kind.model.signature.outputs["classes"].row_shape
    if len(classes) != declared:
        remedy = f"bring {declared} folders"
        if declared > 2:  # a network for two gives a single logit, whatever is declared
            remedy += (
                f", or change the shapes of its outputs, in its typed file, to ({len(classes)},)"
            )
        raise DataUnfit(
            f"{folder} holds {len(classes)} classes ({', '.join(classes)}), but the model "
            f"{kind.name} is declared to have {declared}: {remedy}"
        )
    for part, folders in found.items():
        if strange := sorted(set(folders) - {*classes, *UNLABELLED}):
            raise DataUnfit(
                f"{folder / part} holds {', '.join(strange)}, which {folder / TRAIN} does not: "
                "give the folders of a class the same name in each part"
            )


def _check_counts(classes: tuple[str, ...], files: Mapping[str, list[_File]]) -> None:
    for name in classes:
        if (count := sum(file.fault is None for file in files[name])) < FEWEST_PER_CLASS:
            raise DataUnfit(
                f"the class {name} has {count} readable files, of {len(files[name])}; at least "
                f"{FEWEST_PER_CLASS} are needed, so that some can be held out"
            )


def _read_folders(folders: Folders, kind: FileKind) -> dict[str, list[_File]]:
    return {name: list(_read_all(paths, name, kind)) for name, paths in folders.items()}


def _read_all(paths: list[Path], name: str, kind: FileKind) -> Iterator[_File]:
    with ThreadPoolExecutor() as pool:  # Pillow lets other threads run while it decodes
        files = pool.map(lambda path: _read(path, kind), paths)
        quiet = not get_console().is_terminal  # where it would leave an empty line
        words = f"reading {name}"
        yield from track(files, words, total=len(paths), transient=True, disable=quiet)


def _read(path: Path, kind: FileKind) -> _File:
    checksum = ""
    try:
        content = path.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        return _File(path, checksum, kind.read(content))
    except (OSError, ValueError, TfgateError) as error:
        return _File(path, checksum, fault=str(error))


def _examples(
    files: Mapping[str, list[_File]], classes: tuple[str, ...], kind: FileKind
) -> Examples:
    """Put the readable files of all classes one after the other."""
    labelled = [
        (file.row, target)
        for target, name in enumerate(classes)
        for file in files.get(name, [])
        if file.fault is None
    ]
    targets = np.array([target for _, target in labelled], dtype=np.int64)
    return Examples(kind.stack([row for row, _ in labelled]), targets)


def _complete(parts: dict[str, Examples], part: str, share: float) -> str:
    """Hold the part out of `train` if it has no folder of its own, and say what was done."""
    if part in parts:
        return f"{part} part: the folder of that name"
    examples = parts[TRAIN]
    rest, held_out = train_test_split(
        np.arange(len(examples)), test_size=share, random_state=0, stratify=examples.targets
    )
    parts[TRAIN], parts[part] = examples.take(rest), examples.take(held_out)
    return (
        f"{part} part: held out of the rest by scikit-learn's "
        f"train_test_split(test_size={share}, random_state=0, stratify=targets)"
    )


def _join(first: Examples, second: Examples) -> Examples:
    inputs = {
        name: np.concatenate([first.inputs[name], second.inputs[name]]) for name in first.inputs
    }
    return Examples(inputs, np.concatenate([first.targets, second.targets]))


def _unlabelled(files: Mapping[str, list[_File]], test: Examples, kind: FileKind) -> Tensors:
    rows = [file.row for name in UNLABELLED for file in files.get(name, []) if file.fault is None]
    kept = without_copies(rows, test.inputs[kind.tensor])
    return kind.stack(kept) if kept else {}


def without_copies(rows: Iterable[Any], test: Iterable[Any]) -> list[Any]:
    """Give each row once, in order, less those of the test part.

    To learn from the test part would flatter its figures, even without its labels.
    """
    seen, kept = {bytes(row) for row in test}, []
    for row in rows:
        if (content := bytes(row)) not in seen:
            seen.add(content)
            kept.append(row)
    return kept


def _checksum(folder: Path, files: Iterable[_File]) -> str:
    """Give the checksum of the files' names and of their contents."""
    lines = [f"{file.sha256} {file.path.relative_to(folder)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _unreadable(folder: Path, files: list[_File]) -> Iterator[DataFinding]:
    """Name the first of the files that could not be read."""
    faulty = [file for file in files if file.fault is not None]
    if not faulty:
        return
    named = [f"{file.path.relative_to(folder)} ({file.fault})" for file in faulty]
    count, total = len(faulty), len(files)
    yield finding(
        "unreadable files",
        warning_up_to(MOST_UNREADABLE, count=count, total=total),
        count=count,
        total=total,
        message=f"mend or remove {_first(named)}",
    )


def _left_out(folder: Path, files: list[_File], kind: FileKind) -> Iterator[DataFinding]:
    """Name what else lies in the folders of the classes, files of another kind or more folders."""
    parents = sorted({file.path.parent for file in files})
    others = [path for parent in parents for path in sorted(parent.iterdir())]
    named = [
        str(path.relative_to(folder))
        for path in others
        if path.suffix.lower() not in kind.suffixes
        and path.name.lower() not in NOBODYS
        and not path.name.startswith(".")
    ]
    if named:
        yield finding(
            "files of another kind",
            "warning",
            count=len(named),
            total=len(others),
            message=f"left out: {_first(named)}; what is read is named {', '.join(kind.suffixes)}",
        )


def _first(names: list[str]) -> str:
    more = [f"and {len(names) - NUM_NAMED:,} more"] if len(names) > NUM_NAMED else []
    return ", ".join([*names[:NUM_NAMED], *more])
