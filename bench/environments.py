"""The virtual environment of each peer."""

from pathlib import Path

from bench.environment import Environment
from bench.stack import ROOT

BUILD = ROOT / "build" / "bench"
PEERS = Path(__file__).parent / "peers"
NAMES = sorted(file.parent.name for file in PEERS.glob("*/requirements.txt"))


def environment_of(peer: str) -> Environment:
    """Name the environment in which a peer runs."""
    return Environment(PEERS / peer / "requirements.txt", BUILD / "venv" / peer)


def python_of(peer: str) -> Path:
    """Name the interpreter that runs a peer."""
    return environment_of(peer).python
