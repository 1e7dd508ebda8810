"""A change of one model's release: worked out, checked as a gateway reads it, then written at once.

Whoever reads the file sees all of a change or nothing, and two who change it at the same time wait
for each other. Knows no gateway.
"""

import fcntl
import os
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from serving.gateway.releases.release import Release, Releases
from serving.gateway.releases.release_file import (
    NoReleasesYet,
    WrongReleases,
    parse_releases,
    read_releases,
)
from tfgate.release import history
from tfgate.release.edits import CannotRelease, Part, told
from tfgate.release.place import Place, history_of
from tfgate.release.sections import OtherForm, with_release

# Makes of a model's part of the file what it is to be; of None if it has none yet.
Edit = Callable[[Part | None], Part]


class NotWritten(Exception):
    """A change is right, and its file cannot be written."""


@dataclass(frozen=True)
class Change:
    """What a file held, None if it was not there, and what it is to hold."""

    file: Path
    name: Path  # the file's path as the person who asks would write it
    model: str
    before: str | None
    after: str
    release_before: Release | None
    release: Release

    @property
    def diff(self) -> str:
        """Show what changes, line by line."""
        lines = (
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in unified_diff(
                (self.before or "").splitlines(keepends=True),
                self.after.splitlines(keepends=True),
                str(self.name) if self.before is not None else os.devnull,
                str(self.name),
            )
        )
        return "".join(lines)

    @property
    def told(self) -> str:
        """Say in words what changes."""
        return told(self.release_before, self.release)


def work_out(place: Place, model: str, edit: Edit) -> Change:
    """Apply an edit to the text of the file that names the model; write nothing.

    Raises:
        WrongReleases: a file would be wrong.
        CannotRelease: the edit does not go with what the file says.
    """
    texts = _texts(place)
    named = [file for file, text in texts.items() if model in _parts(text)]
    file = named[0] if named else place.new_file(model)
    name, before = place.told(file), texts.get(file, "")
    try:
        after = with_release(before, model, edit(_parts(before).get(model)))
    except OtherForm as error:
        message = f"{name}: {error}"
        raise CannotRelease(message) from error
    release_before = None
    with suppress(WrongReleases):  # what goes back may mend it
        release_before = _read(place, texts).models.get(model)
    # As a gateway will read it, with the other files.
    release = _read(place, {**texts, file: after}).models[model]
    return Change(file, name, model, texts.get(file), after, release_before, release)


def write(place: Place, planned: Change, edit: Edit, command: str) -> Change:
    """Write a planned change, on top of what others may have written meanwhile; keep a backup.

    Raises:
        CannotRelease: they have changed the release of the same model.
        NotWritten: the file or its backup cannot be written.
    """
    try:
        with _alone(planned.file):
            change = work_out(place, planned.model, edit)
            if (change.release_before, change.release) != (
                planned.release_before,
                planned.release,
            ):
                message = f"somebody else has changed {planned.model} in {planned.name} meanwhile. "
                raise CannotRelease(message + "Look at tfgate release status, and try again.")
            with history.recorded(history_of(change.file), change, command):
                _replace(change.file, change.after)
    except OSError as error:
        raise NotWritten(_not_written(place, planned, error)) from error
    return change


def releases_of(place: Place) -> Releases:
    """Return what the files say; nothing, if there is none yet.

    Raises:
        WrongReleases: a file is wrong.
    """
    try:
        return read_releases(place.named, models=None)
    except NoReleasesYet:
        return Releases()
    except WrongReleases as error:
        newest = next(history.entries(place.histories), None)
        was = f"; before the last change it was {newest.backup}" if newest else ""
        message = f"{error} (mend it by hand{was})"
        raise WrongReleases(message) from error


def _not_written(place: Place, planned: Change, error: OSError) -> str:
    message = f"cannot write {planned.name}: {error.strerror}. What it should hold is printed. "
    # A folder goes into its ConfigMap as a whole.
    source = f"{place.named}/" if place.path.is_dir() else planned.name.name
    return (
        f"{message}If it is mounted from a ConfigMap, change that one, where the file is yours: "
        f"--print > {planned.name.name} writes it there, and kubectl create configmap "
        f"tfgate-releases --from-file={source} --dry-run=client -o yaml | kubectl apply -f - "
        "brings it back."
    )


def _texts(place: Place) -> Mapping[Path, str]:
    """Return what is in the files that are there.

    Raises:
        WrongReleases: one is no text, or no TOML.
    """
    try:
        texts = {file: file.read_bytes().decode("utf-8-sig") for file in place.files}
        for text in texts.values():
            tomllib.loads(text)
    except (OSError, ValueError) as error:
        releases_of(place)  # which says what it is, and on which line
        message = f"{place.named} was being written; try again"
        raise WrongReleases(message) from error
    return texts


def _parts(text: str) -> Mapping[str, Part]:
    """Return what a text says of each model, as far as it can be anything."""
    models = tomllib.loads(text).get("models", {})
    named = models.items() if isinstance(models, dict) else ()
    return {name: part for name, part in named if isinstance(part, dict)}


def _read(place: Place, texts: Mapping[Path, str]) -> Releases:
    named = {place.told(file): text for file, text in sorted(texts.items())}
    return parse_releases(named, models=None)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Let nobody else change the file meanwhile, who also asks with this."""
    folder = history_of(file)
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(file: Path, text: str) -> None:
    """Write a file of which nobody ever sees a part, and which a power cut does not undo."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", newline="") as writing:
            writing.write(text)
            writing.flush()
            _keep_owner_and_mode(file, writing.fileno())
            os.fsync(writing.fileno())
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _keep_owner_and_mode(file: Path, descriptor: int) -> None:
    try:
        status = file.stat()
    except FileNotFoundError:
        # There are no secrets in it, and a gateway may run as another user.
        os.fchmod(descriptor, 0o644)
        return
    with suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, status.st_mode & 0o7777)
