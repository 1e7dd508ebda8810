"""Where releases lie: in one file, or in a folder with one for each model; changes nothing."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A file of releases or a folder of them, as it was named; links are followed."""

    named: Path

    @property
    def path(self) -> Path:
        """Where it really lies, so that a link stays one."""
        return self.named.resolve()

    @property
    def files(self) -> list[Path]:
        """Every file that a gateway reads, if it is there."""
        path = self.path
        found = sorted(path.glob("[!.]*.toml")) if path.is_dir() else [path]
        return [file for file in found if file.is_file()]

    def new_file(self, model: str) -> Path:
        """Return where a model goes that no file names yet."""
        path = self.path
        return path / f"{model.replace('/', '%2F')}.toml" if path.is_dir() else path

    @property
    def histories(self) -> list[Path]:
        """Return the folders of what the files were before."""
        path = self.path
        return sorted(path.glob(".*.history")) if path.is_dir() else [history_of(path)]

    def told(self, file: Path) -> Path:
        """Return a file's path as the person who named the place would write it."""
        return self.named / file.name if self.path.is_dir() else self.named


def history_of(file: Path) -> Path:
    """Return the folder of what a file was before, which no gateway reads."""
    return file.with_name(f".{file.name}.history")
