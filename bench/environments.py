"""The virtual environment of each peer, since their requirements contradict each other."""

import subprocess
import sys
from pathlib import Path

from bench.stack import ROOT

BUILD = ROOT / "build" / "bench"
PEERS = Path(__file__).parent / "peers"
NAMES = sorted(file.parent.name for file in PEERS.glob("*/requirements.txt"))
INSTALL_SECONDS = 1200


def python_of(peer: str) -> Path:
    """Name the interpreter that runs a peer."""
    return BUILD / "venv" / peer / "bin" / "python"


def install(peer: str) -> bool:
    """Make the environment of a peer; tell whether anything had to be done."""
    requirements = PEERS / peer / "requirements.txt"
    environment = python_of(peer).parents[1]
    installed = environment / "installed.txt"
    if installed.exists() and installed.read_text() == requirements.read_text():
        return False
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    command = [
        *(str(python_of(peer)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--requirement", str(requirements)),
    ]
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
    installed.write_text(requirements.read_text())
    return True


def version_of(peer: str, package: str) -> str:
    """Say which version of a package a peer runs with."""
    program = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.check_output([python_of(peer), "-c", program], text=True).strip()
