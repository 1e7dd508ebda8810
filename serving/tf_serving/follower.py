"""A models.config that follows its repository, as models come and go; runs no server."""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from serving.tf_serving.model_config import WrongExceptions, model_config, read_exceptions
from serving.tf_serving.repository import Files, files_of, find_models, may_have_versions

if TYPE_CHECKING:
    from serving.gateway.releases.release_file import ReleaseFile

_log = logging.getLogger("tfgate.models_config")


class Follower:
    """Writes a models.config at once, and again at every `look` that finds it to be another.

    A model comes, or goes, once two looks in a row have seen the same of it: a folder may be met
    half-way through its copying, or between the two steps of its replacement. It stays as long as
    it has a folder of a version, whatever lies therein, for the server may have it in memory. A
    repository without any model changes nothing: it looks as the mount point of a lost one does.
    """

    def __init__(
        self,
        repository: Path,
        file: Path,
        exceptions: Path | None = None,
        releases: Path | None = None,
    ) -> None:
        """Write the file.

        A file of releases, or a folder of them, may come later; a wrong one changes nothing.

        Raises:
            OSError: the repository cannot be read, or the file not be written.
            WrongExceptions: there is something wrong with the file of exceptions.
        """
        self._repository = repository
        self._file = file
        self._exceptions = exceptions
        self._releases = None if releases is None else _read(releases)
        self._wrong: str | None = None
        self._changes: Mapping[str, Files | None] = {}
        self._complaint = ""
        self.models: Mapping[str, Path] = find_models(repository)
        self._text = self._text_for(self.models)
        _replace(file, self._text)

    def look(self) -> None:
        """Write the file anew if that is due; what hinders that is logged once, and it stays."""
        try:
            models = self._settled(find_models(self._repository))
            text = self._text_for(models)
            if text != self._text:
                _replace(self._file, text)
        except (OSError, WrongExceptions) as error:
            self._complain(f"{self._file} stays as it is: {error}")
            return
        self._tell(models)
        self.models, self._text = models, text

    @contextmanager
    def withheld(self) -> Iterator[None]:
        """Write a file without models, and the right one at the end."""
        _replace(self._file, model_config({}))
        yield
        _replace(self._file, self._text)

    def _settled(self, found: Mapping[str, Path]) -> Mapping[str, Path]:
        """Return the models as they have been for two looks."""
        found = {**found, **{n: path for n, path in self.models.items() if may_have_versions(path)}}
        if not found and self.models:
            message = f"no model lies in {self._repository}, which may be away"
            raise FileNotFoundError(message)
        changes = {
            name: files_of(found[name]) if name in found else None
            for name in found.keys() ^ self.models.keys()
        }
        before, self._changes = self._changes, changes
        known = {**self.models, **found}
        same = {name for name, files in changes.items() if name in before and before[name] == files}
        return {name: known[name] for name in self.models.keys() ^ same}

    def _text_for(self, models: Mapping[str, Path]) -> str:
        exceptions = {} if self._exceptions is None else read_exceptions(self._exceptions)
        return model_config(models, exceptions, self._released())

    def _released(self) -> Mapping[str, Collection[int]]:
        """Return the versions that releases need, by model."""
        if self._releases is None:
            return {}
        self._releases.refresh()
        before, self._wrong = self._wrong, self._releases.problem
        if self._wrong is not None and self._wrong != before:
            _log.warning("the releases from before go on to count: %s", self._wrong)
        releases = self._releases.releases.models
        return {name: release.versions for name, release in releases.items()}

    def _tell(self, models: Mapping[str, Path]) -> None:
        self._complaint = ""
        for name in sorted(models.keys() - self.models.keys()):
            _log.info("%s has come: it is in %s from now on", name, self._file)
        for name in sorted(self.models.keys() - models.keys()):
            _log.info("%s has gone: it is no more in %s", name, self._file)

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            _log.warning("%s", complaint)
        self._complaint = complaint


def _replace(file: Path, text: str) -> None:
    """Write a file of which nobody ever sees a part."""
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(text)
    draft.replace(file)


def _read(releases: Path) -> "ReleaseFile":
    # Not at the top: pydantic takes more memory than all the rest, and most have no releases.
    from serving.gateway.releases.release_file import ReleaseFile  # noqa: PLC0415

    return ReleaseFile(releases, models=None)
