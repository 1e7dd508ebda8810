"""Gateways of two revisions, run beside each other in front of one model server."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.environments import BUILD
from bench.processes import Program, running
from bench.stack import ROOT, free_port, has_every_model, wait_until


class WrongRevision(Exception):
    """There is no such revision, or its code is not what would run."""


@dataclass(frozen=True)
class Gateway:
    """A running gateway of one revision."""

    name: str
    program: Program
    url: str


@contextmanager
def unpacked(revision: str) -> Iterator[Path]:
    """Unpack a revision into a folder that lasts as long as the context.

    Raises:
        WrongRevision: git does not know it.
    """
    with TemporaryDirectory(prefix="revision-") as folder:
        _unpack(revision, Path(folder))
        yield Path(folder)


def revision_folder(revision: str) -> Path:
    """Name the folder in which a revision is kept that is measured in every benchmark."""
    return BUILD / "revisions" / revision


def keep(revision: str) -> None:
    """Unpack a revision into its folder, unless it is there.

    Raises:
        WrongRevision: git does not know it.
    """
    folder = revision_folder(revision)
    if not folder.exists():
        with unpacked(revision) as fresh:
            shutil.copytree(fresh, folder)


def _unpack(revision: str, folder: Path) -> None:
    command = ["git", "archive", "--format=tar", revision]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        raise WrongRevision(done.stderr.decode().strip())
    with tarfile.open(fileobj=BytesIO(done.stdout)) as files:
        files.extractall(folder, filter="data")


@contextmanager
def gateway(name: str, folder: Path, model_server: str, scratch: Path) -> Iterator[Gateway]:
    """Run the gateway whose code is in a folder; yields it once it is ready.

    Raises:
        WrongRevision: Python would import its packages from elsewhere.
    """
    port = free_port()
    environment = {
        "PYTHONPATH": str(folder),
        "TFGATE_PORT": str(port),
        "TFGATE_MODEL_SERVER": model_server,
        "TFGATE_DRAIN_SECONDS": "0",
    }
    _check_imports(folder, environment)
    command = [sys.executable, "-m", "serving.gateway"]
    log = scratch / "logs" / f"gateway-{name}.log"
    with running(command, environment, log, folder) as program:
        url = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            program.check()
            return has_every_model(url)

        wait_until(ready, f"readiness of the gateway in {folder}")
        yield Gateway(name, program, url)


def _check_imports(folder: Path, environment: dict[str, str]) -> None:
    """See that an installed copy does not come before the revision's own packages."""
    program = "import proto, serving; print(*proto.__path__, *serving.__path__)"
    output = subprocess.check_output(
        [sys.executable, "-c", program], cwd=folder, env={**os.environ, **environment}, text=True
    )
    if output.split() != [str(folder.resolve() / name) for name in ("proto", "serving")]:
        message = f"with {folder} first, Python imports {output.strip()}"
        raise WrongRevision(message)
