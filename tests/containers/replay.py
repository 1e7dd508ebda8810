"""An image without Docker: the steps of its Dockerfile, run below a folder of this machine."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.containers.context import is_in_context
from tests.containers.dockerfile import Stage, read
from tests.stack import ROOT

INSTALL_SECONDS = 300


@dataclass(frozen=True)
class Image:
    """What was built: its last stage, and the folder that stands for its root."""

    stage: Stage
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """The container's environment; its own programs come first on the path."""
        values = {name: self.here(value) for name, value in self.stage.environment.items()}
        values["PATH"] = values["PATH"].replace("$PATH", "/usr/bin:/bin")
        return values

    @property
    def entrypoint(self) -> list[str]:
        """The program that a container runs."""
        return [self.here(word) for word in self.stage.only("ENTRYPOINT").words]

    def here(self, text: str) -> str:
        """Let the paths that the image copies to be those below its root."""
        for copy in self.stage.all("COPY"):
            text = text.replace(copy.words[-1], f"{self.root}{copy.words[-1]}")
        return text


def build(dockerfile: Path, root: Path) -> Image:
    """Replay a Dockerfile of two stages; this interpreter stands for the base image's."""
    first, last = read(dockerfile)
    image = Image(last, root)
    work = root / first.only("WORKDIR").text.lstrip("/")
    work.mkdir(parents=True)
    for copy in first.all("COPY"):
        _copy(copy.words[:-1], work / copy.words[-1])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for run in first.all("RUN"):
        subprocess.run(
            ["bash", "-euc", image.here(run.text)],
            cwd=work,
            env={**os.environ, "PATH": path},
            capture_output=True,
            check=True,
            timeout=INSTALL_SECONDS,
        )
    shutil.rmtree(work)
    for copy in last.all("COPY"):
        if not copy.options:
            _copy(copy.words[:-1], Path(image.here(copy.words[-1])))
    return image


def _copy(sources: list[str], target: Path) -> None:
    """Copy as Docker does: a folder's content, or files into a folder that ends with a slash."""
    for source in sources:
        path = ROOT / source
        if path.is_dir():
            shutil.copytree(path, target, ignore=_ignored, dirs_exist_ok=True)
        else:
            file = target / path.name if len(sources) > 1 or target.is_dir() else target
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, file)


def _ignored(folder: str, names: list[str]) -> set[str]:
    relative = Path(folder).relative_to(ROOT)
    return {name for name in names if not is_in_context((relative / name).as_posix())}
