"""The environment of each foreign client, with the versions that are pinned beside its tests.

Where one is not installed its tests are skipped with the line that would install it; `.ci/run`
installs them all first.
"""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from bench.environment import Environment
from tests.stack import ROOT

FOLDER = Path(__file__).parent
NAMES = sorted(file.stem for file in FOLDER.glob("*.txt"))
RUN_SECONDS = 120  # importing TensorFlow or kserve takes ten on a busy machine


def environment_of(client: str) -> Environment:
    """Name the environment in which a client runs."""
    return Environment(FOLDER / f"{client}.txt", ROOT / "build" / "clients" / client)


def runs_here(client: str) -> bool:
    """Tell whether there is a release of it for this Python and this kind of machine."""
    lines = environment_of(client).requirements.read_text().splitlines()
    wanted = [Requirement(line) for line in lines if not line.startswith("#")]
    return all(each.marker is None or each.marker.evaluate() for each in wanted)


def install(names: list[str]) -> None:
    """Install clients, two at a time: one waits for the network while the other unpacks.

    Raises:
        subprocess.CalledProcessError: one of them cannot be had; pip has said why.
    """
    with ThreadPoolExecutor(2) as threads:
        for name, _ in zip(
            names, threads.map(lambda name: environment_of(name).install(), names), strict=True
        ):
            print(f"{name} is installed")


def needs_client(name: str) -> pytest.MarkDecorator:
    """Skip a test, or all of a module, unless a client is installed."""
    reason = (
        f"the client {name} is not installed: make clients"
        if runs_here(name)
        else f"the client {name} has no release for this Python or this kind of machine"
    )
    return pytest.mark.skipif(not environment_of(name).is_installed, reason=reason)


def run(client: str, script: str, *arguments: str) -> Any:
    """Run a script of this folder in the environment of a client; return what it prints as JSON."""
    return json.loads(_run([environment_of(client).python, FOLDER / script, *arguments]))


def run_program(client: str, program: str, *arguments: str, **environment: str) -> str:
    """Run a program that a client brings; return what it prints."""
    return _run([environment_of(client).folder / "bin" / program, *arguments], **environment)


def _run(command: list[str | Path], **environment: str) -> str:
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
        env={**os.environ, **environment},
    )
    assert finished.returncode == 0, f"{finished.stdout}{finished.stderr}"
    return finished.stdout
