"""A gateway over a fake model server, and the command that scores tables with it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests import stack
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.generic_models import generic_models
from tfgate.cli import app

Score = Callable[..., Result]


@pytest.fixture(scope="session")
def gateway() -> Iterator[str]:
    """Run a gateway in front of typed and generic models; yields its URL."""
    server = declared_models()
    server.models.update(generic_models().models)
    with listening(server) as address, stack.gateway(address) as url:
        stack.wait_until_ready(url)
        yield url


@pytest.fixture
def score(gateway: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Score:
    """Run `tfgate score` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: Any, url: str = gateway) -> Result:
        command = ["score", *map(str, arguments), "--url", url]
        return CliRunner().invoke(app, command, env={**os.environ, "COLUMNS": "200"})

    return run
