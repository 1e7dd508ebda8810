"""A gateway as `tfgate release` sees one: it tells of versions, and follows a file of releases."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from serving.gateway.api.releases import description
from serving.gateway.releases.release_file import NoReleasesYet, read_releases
from serving.gateway.releases.running import Running
from tfgate.cli import app


@dataclass
class StandIn:
    """Answers GET /models and GET /models/{model}; `versions` are those that it says are there."""

    file: Path
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    taken_back: str | None = None
    hindrance: str | None = None
    follows: bool = True
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.is_away:
            raise httpx.ConnectError("Connection refused")
        if request.url.path == "/models":
            models = [{"name": name, "versions": each} for name, each in self.versions.items()]
            return httpx.Response(200, json={"models": models})
        name = unquote(request.url.raw_path.decode().removeprefix("/models/"))
        if name not in self.versions:
            problem = {"code": "unknown-model", "detail": f"there is no model {name!r}"}
            body = json.dumps(problem | {"hint": "GET /models lists them.", "errors": []})
            return httpx.Response(404, text=body)
        return httpx.Response(200, json=self._described(name))

    def _described(self, name: str) -> dict[str, Any]:
        ready = [
            each["version"]
            for each in self.versions[name]
            if each["state"] == "AVAILABLE" and each["unready"] is None
        ]
        return {
            "name": name,
            "versions": self.versions[name],
            "version": max(ready, default=None),
            "release": self._release(name) if self.follows else None,
        }

    def _release(self, name: str) -> dict[str, Any] | None:
        try:
            releases = read_releases(self.file, models=None)
        except NoReleasesYet:
            return None
        if name not in releases.models:
            return None
        running = Running(name, releases.models[name], releases.cohorts)
        running.hindrance = self.hindrance
        running.choose([each["version"] for each in self.versions[name]])
        running.taken_back = self.taken_back
        running.tick(datetime.now(UTC))
        running.observe("stable", failed=False, seconds=0.02)
        running.judge.judge()
        told = description(running)
        return None if told is None else told.model_dump(mode="json")


def version(number: int, state: str = "AVAILABLE", **more: Any) -> dict[str, Any]:
    return {"version": number, "state": state, "error": None, "unready": None, "card": None, **more}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "releases.toml"


@pytest.fixture
def gateway(file: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """One that serves three versions of sentiment, and follows the file at once."""
    stand_in = StandIn(file, {"sentiment": [version(5), version(4), version(3)]})

    def client(_: str) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(stand_in))

    monkeypatch.setattr("tfgate.ask.open_client", client)
    monkeypatch.setattr("tfgate.release.following.FOLLOW_SECONDS", 0)
    return stand_in


class Command:
    """Runs `tfgate release …` on one file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def raw(self, *arguments: object) -> Result:
        environment = {"TFGATE_RELEASES": str(self.file)}
        return CliRunner().invoke(app, ["release", *map(str, arguments)], env=environment)

    def __call__(self, *arguments: object, exit_code: int = 0) -> Result:
        result = self.raw(*arguments)
        assert result.exit_code == exit_code, result.output
        if exit_code:
            assert len(result.stderr.strip().splitlines()) == 1, result.stderr
        return result

    def refused(self, *arguments: object, exit_code: int = 2) -> str:
        """Run one that must not work, and change nothing; return what it says."""
        before = self.file.read_bytes() if self.file.is_file() else None
        message = self(*arguments, exit_code=exit_code).stderr
        assert (self.file.read_bytes() if self.file.is_file() else None) == before
        return message


@pytest.fixture
def release(file: Path, gateway: StandIn, monkeypatch: pytest.MonkeyPatch) -> Command:
    # As wide as it takes: tables are read here, and not how they are wrapped.
    monkeypatch.setattr("tfgate.release.cli.console", Console(width=160))
    return Command(file)
