"""The file of releases, or a folder of them: read as a whole or not at all, and followed.

What is wrong is told with the file and the line. Knows nothing of requests, nor of logs.
"""

import stat
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from serving.gateway.releases import toml_text
from serving.gateway.releases.release import Candidate, Cohort, Guard, Release, Releases, Shadow
from serving.gateway.validation import describe

_MAX_BYTES = 250_000  # of a file: Python takes a third of a second for it
_MAX_NAME = 100  # characters of a part of a path that is told
_SECTIONS = tuple(Releases.model_fields)
_TABLES: Mapping[str, type[BaseModel]] = {
    "candidate": Candidate,
    "shadow": Shadow,
    "guard": Guard,
}
# What pydantic calls by Python's names.
_KINDS = {
    "missing": "is missing",
    "model_type": "is to be a table",
    "mapping_type": "is to be a table",
    "tuple_type": "is to be a list",
    "too_short": "is to have an item at least; leave it out otherwise",
}


class WrongReleases(Exception):
    """The releases cannot be used; the message names the file, and the line if it is one."""


class NoReleasesYet(WrongReleases):
    """There is no file, or nothing in it: it has not been written, or is being written."""


class _Text(NamedTuple):
    """A file that was read, with what its TOML says."""

    file: Path
    text: str
    tables: dict[str, Any]

    def wrong(self, path: toml_text.Path, reason: str) -> WrongReleases:
        return WrongReleases(f"{self.file}:{toml_text.line_of(self.text, path)}: {reason}")


def read_releases(path: Path, *, models: Collection[str] | None) -> Releases:
    """Read a file of releases, or all *.toml of a folder, in order of their names.

    They may name any of `models`; any at all if these are not known. In a folder, hidden files are
    left out, as are the folders through which a mounted ConfigMap changes.

    Raises:
        NoReleasesYet: there is no file, or an empty one. To have no releases, leave a comment in
            it: a file that is being written is empty for a moment, and must not end them all.
        WrongReleases: it cannot be read, or used.
    """
    return parse_releases(_texts(path), models=models)


def _texts(path: Path) -> dict[Path, str]:
    try:
        texts = {file: _decoded(file, _content(file)) for file in _files(path)}
    except FileNotFoundError as error:
        if error.filename != str(path):
            message = f"{error.filename}: there is no such file, though the folder lists it"
            raise WrongReleases(message) from error
        message = f"{path}: there is no such file"
        raise NoReleasesYet(message) from error
    except OSError as error:
        message = f"{error.filename}: it cannot be read: {error.strerror}"
        raise WrongReleases(message) from error
    if not texts:
        message = f"{path}: there is no *.toml in this folder"
        raise NoReleasesYet(message)
    if empty := [file for file, text in texts.items() if not text.strip()]:
        kind = NoReleasesYet if len(empty) == len(texts) else WrongReleases
        message = f"{empty[0]}: it is empty; to have no releases, leave a comment in it"
        raise kind(message)
    return texts


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    visible = (each for each in path.iterdir() if not each.name.startswith("."))
    return sorted(each for each in visible if each.suffix == ".toml" and not each.is_dir())


def _content(file: Path) -> bytes:
    # A pipe would keep the reader waiting.
    if not stat.S_ISREG(file.stat().st_mode):
        message = f"{file}: it is neither a file nor a folder"
        raise WrongReleases(message)
    with file.open("rb") as opened:
        content = opened.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        message = f"{file}: it is larger than {_MAX_BYTES:,} bytes; share it out over a folder"
        raise WrongReleases(message)
    return content


def _decoded(file: Path, content: bytes) -> str:
    try:
        # Some editors begin a file with a byte order mark.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        byte = content[error.start]
        message = f"{file}:{line}: byte {byte:#04x} is no UTF-8; save the file as text in UTF-8"
        raise WrongReleases(message) from error


def parse_releases(texts: Mapping[Path, str], *, models: Collection[str] | None) -> Releases:
    """Make one of what all files say; each name stands in one of them.

    Raises:
        WrongReleases: a text cannot be used.
    """
    merged: dict[str, Any] = {}
    origins: dict[tuple[str, ...], _Text] = {}
    for file, text in texts.items():
        origin = _Text(file, text, _parse(file, text))
        for section, content in origin.tables.items():
            origins.setdefault((section,), origin)
            if section not in _SECTIONS or not isinstance(content, dict):
                raise origin.wrong((section,), _about_section(section, content))
            for name, value in content.items():
                other = origins.setdefault((section, name), origin)
                if other is not origin:
                    message = f"{section}.{_shown(name)} is in {other.file} as well; keep one"
                    raise origin.wrong((section, name), message)
                merged.setdefault(section, {})[name] = value
    try:
        return Releases.model_validate(merged, context=models)
    except ValidationError as error:
        path, reason = _told(error)
        origin = origins[tuple(str(part) for part in path[:2])]
        raise origin.wrong(path, reason) from error


def _parse(file: Path, text: str) -> dict[str, Any]:
    try:
        return toml_text.parse(text)
    except toml_text.WrongToml as error:
        message = f"{file}:{error.line}: {error}"
        raise WrongReleases(message) from error


def _about_section(name: str, content: object) -> str:
    if name in _SECTIONS:
        return f"{name}: is to be a table; received {describe(content)}"
    return f"{_shown(name)}: {_no_name(name, _SECTIONS)}"


def _told(error: ValidationError) -> tuple[toml_text.Path, str]:
    """Say where the first mistake is, and what it is.

    A name that is none comes before what is missing: it may be the same one, spelt otherwise.
    """
    found = error.errors(include_url=False)
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    path = (*first["loc"], *first.get("ctx", {}).get("at", ()))
    path = path[:-1] if path[-1] == "[key]" else path  # pydantic's word for a name, not its value
    return path, f"{'.'.join(_shown(part) for part in path)}: {_reason(first)}"


def _reason(detail: ErrorDetails) -> str:
    kind, path = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        return _no_name(str(path[-1]), _fields_at(path[:-1]))
    what = _KINDS.get(kind, detail["msg"].removeprefix("Value error, "))
    if kind in ("missing", "release", "value_error"):
        return what
    return f"{what}; received {describe(detail['input'])}"


def _fields_at(path: toml_text.Path) -> Collection[str]:
    """Return the names that may stand in a table."""
    match path:
        case ("cohorts", _):
            return Cohort.model_fields
        case ("models", _):
            return Release.model_fields
        case ("models", _, str(table)):
            return _TABLES[table].model_fields
    return _SECTIONS


def _no_name(name: str, names: Collection[str]) -> str:
    if nearest := get_close_matches(name.lower(), names, n=1):
        return f"has no meaning here; did you mean {nearest[0]}?"
    return f"has no meaning here; there are {', '.join(names)}"


def _shown(part: str | int) -> str:
    text = str(part)[:_MAX_NAME]
    return text if text and text.isprintable() else repr(text)


class ReleaseFile:
    """The releases of a file, or a folder, as they were when it last could be used.

    Before that there are none. `problem` says why the file as it is now cannot be used; that it has
    not come yet is no problem, but that it has gone, or been emptied, is.
    """

    def __init__(self, path: Path, *, models: Collection[str] | None) -> None:
        """Read the file, if it is there; `models` may come to hold others later."""
        self.path = path
        self.releases = Releases()
        self.problem: str | None = None
        self._models = models
        self._was_good = False
        self._seen: object = None
        self._is_settled = False
        self.refresh()

    def __str__(self) -> str:
        if not self._was_good and self.problem is None:
            return f"there are no releases in {self.path} yet"
        return f"releases in {self.path}: {', '.join(self.releases.models) or 'none'}"

    def refresh(self) -> bool:
        """Read the file again if it has changed, and tell whether the releases have.

        A file that does not end in a line break may be cut short: it counts when a second look
        finds it as it was. What changed is read twice in any case, since a file may be written
        twice within one tick of its clock.
        """
        stamp = self._stamp()
        is_second_look = stamp == self._seen
        if is_second_look and self._is_settled:
            return False
        self._seen, self._is_settled = stamp, is_second_look
        before = self.releases
        try:
            texts = _texts(self.path)
            is_whole = all(text.endswith("\n") for text in texts.values())
            if is_whole or is_second_look or not self._was_good:
                self.releases = parse_releases(texts, models=self._models)
                self._was_good, self.problem = True, None
        except NoReleasesYet as error:
            self.problem = str(error) if self._was_good else None
        except WrongReleases as error:
            self.problem = str(error)
        return self.releases != before

    def _stamp(self) -> object:
        """Return what changes with the files, and the models that they may name.

        A mounted ConfigMap changes by another link.
        """
        models = None if self._models is None else frozenset(self._models)
        try:
            return models, [(file, *_status(file)) for file in _files(self.path)]
        except OSError as error:
            return models, error.errno


def _status(file: Path) -> tuple[int, ...]:
    status = file.stat()
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev
