"""`tfgate release` with a real gateway, which wants a key and follows the file."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.example_bodies import HOUSE
from tests.in_process import Gateway, gateway
from tests.serving.gateway.releases.asking import MODEL, served
from tests.tfgate.release.conftest import Command
from tfgate import keys


class Running(Command):
    """The command, at a gateway that `key` opens."""

    def __init__(self, file: Path, gateway: Gateway, key: str) -> None:
        super().__init__(file)
        self.gateway, self.key = gateway, key

    def versions(self) -> set[int]:
        """Return which versions answer."""
        headers = {"X-API-Key": self.key}
        asked = [
            self.gateway.client.post(f"/predict/{MODEL}", json=HOUSE, headers=headers)
            for _ in range(10)
        ]
        return {each.json()["version"] for each in asked}


@pytest.fixture
def running(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    keys_file = tmp_path / "keys.jsonl"
    key = keys.create(keys_file, "operators")
    settings = {"releases": file, "keys_file": keys_file, "publish_without_traffic": True}
    with gateway(served(1, 2), **settings) as tfgate:
        tfgate.wait_until_ready()

        def ask(request: httpx.Request) -> httpx.Response:
            path = request.url.raw_path.decode()
            return tfgate.client.request(request.method, path, headers=request.headers)

        def client(_: str) -> httpx.Client:
            return httpx.Client(transport=httpx.MockTransport(ask))

        monkeypatch.setattr("tfgate.ask.open_client", client)
        yield Running(file, tfgate, key)


def test_with_its_key_from_a_first_share_to_promoted_and_back(running: Running) -> None:
    with_key = f"--key={running.key}"
    assert running.versions() == {1}

    told = running("start", MODEL, 2, "--percent=100", with_key).stdout
    assert "follows: running, version 2 gets 100 % now" in told
    assert running.versions() == {2}

    assert "100 %" in running("status", with_key).stdout
    assert "follows: running" in running("promote", MODEL, with_key).stdout
    assert running.versions() == {2}
    assert "follows: running" in running("rollback", MODEL, with_key).stdout
    assert running.versions() == {1}


def test_without_a_key_that_opens_nothing_starts_and_yet_all_goes_back(running: Running) -> None:
    start = ("start", MODEL, 2, "--percent=100")
    told = running.refused(*start, exit_code=1)
    assert "Give the key with --key, or as TFGATE_API_KEY" in told
    assert not running.file.exists()

    running(*start, f"--key={running.key}")
    told = running("rollback", MODEL).stdout
    assert "written; whether a gateway follows it is not known" in told
    running.gateway.wait_until(lambda: running.versions() == {1}, "the rollback")
