"""`tfgate predict` and `tfgate models` against a running gateway."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread

import httpx
import pytest
from typer.testing import CliRunner, Result

from serving.models import MODELS
from tests import stack
from tests.fake_over_grpc import listening
from tests.generic_models import generic_models
from tests.proxy import RefusingProxy
from tfgate.cli import app

NO_URLS = ["localhost:8000", "127.0.0.1", "ftp://a", "http://", "http://[::1", ""]


def tfgate(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})


@pytest.mark.parametrize("name", MODELS)
def test_without_a_question_the_example_is_asked(gateway: str, name: str) -> None:
    finished = tfgate("predict", name, f"--url={gateway}")

    assert finished.exit_code == 0, finished.stderr
    assert json.loads(finished.stdout)["model"] == name


def test_a_slash_at_the_end_of_the_url_does_not_matter(gateway: str) -> None:
    assert tfgate("predict", "housing", f"--url={gateway}/").exit_code == 0


def test_a_plain_text_is_enough_for_a_model_with_one_field(gateway: str) -> None:
    finished = tfgate("predict", "sentiment", "Terrible. A waste of time.", f"--url={gateway}")

    assert json.loads(finished.stdout)["prediction"]["label"] == "negative"


def test_a_picture_is_given_by_its_path(gateway: str, tmp_path: Path) -> None:
    path = tmp_path / "ship.png"
    path.write_bytes(MODELS["image"].example.image)

    finished = tfgate("predict", "image", str(path), f"--url={gateway}")

    assert len(json.loads(finished.stdout)["prediction"]["top"]) == 5


def test_a_version_may_be_asked_for(gateway: str) -> None:
    shipped = stack.SHIPPED_VERSIONS["housing"]
    finished = tfgate("predict", "housing", f"--version={shipped}", f"--url={gateway}")

    assert json.loads(finished.stdout)["version"] == shipped


def test_the_version_of_tfgate_is_told() -> None:
    assert tfgate("--version").stdout == f"tfgate {version('tfgate')}\n"


def test_an_object_is_given_as_json(gateway: str) -> None:
    house = MODELS["housing"].example.model_dump_json()

    finished = tfgate("predict", "housing", house, f"--url={gateway}")

    assert json.loads(finished.stdout)["prediction"]["price_usd"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["housing", '{"latitude": 400}'], "latitude"),
        (["sentiment", " "], "no visible character"),
        (["housing", "--version=99"], "version 99"),
        (["housing", "--label=nobody"], "nobody"),
        (["housing", "--version=1", "--label=stable"], "exclude each other"),
    ],
)
def test_a_refusal_is_one_sentence_and_an_exit_code(
    gateway: str, arguments: list[str], message: str
) -> None:
    finished = tfgate("predict", *arguments, f"--url={gateway}")

    assert finished.exit_code == 1
    assert message in finished.stderr
    assert finished.stderr.startswith("tfgate: ")


@pytest.mark.parametrize("asked", [["predict", "housing"], ["models"], ["loadtest"]])
def test_without_a_gateway_it_says_how_to_start_one(asked: list[str]) -> None:
    finished = tfgate(*asked, "--url=http://127.0.0.1:9")

    assert finished.exit_code == 1
    assert "Connection refused" in finished.stderr
    assert "tfgate up" in finished.stderr


@pytest.mark.parametrize("asked", [["predict", "housing"], ["models"], ["loadtest"]])
@pytest.mark.parametrize(
    ("option", "message"),
    [
        *((f"--url={url}", "begins with http://") for url in NO_URLS),
        ("--key=schlüssel", "the key holds what no key does"),
    ],
)
def test_what_can_be_no_url_or_key_is_no_missing_gateway(
    asked: list[str], option: str, message: str
) -> None:
    finished = tfgate(*asked, option)

    assert finished.exit_code == 2
    assert message in finished.stderr


@pytest.mark.parametrize("asked", [["predict", "weather"], ["loadtest", "--model=weather"]])
def test_a_misspelt_model_is_named_among_those_there_are(gateway: str, asked: list[str]) -> None:
    finished = tfgate(*asked, f"--url={gateway}")

    assert finished.exit_code == 1
    assert "there is no model 'weather'; there are housing" in finished.stderr


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((200, body) for body in (b"<html>", b"[]", b"{}", b'{"status": "up"}')),
        *((404, body) for body in (b"", b'{"detail": "Not Found"}', b'"no"')),
    ],
)
@pytest.mark.parametrize("command", [["predict", "housing"], ["models"]])
def test_what_is_no_gateway_is_called_so(status: int, body: bytes, command: list[str]) -> None:
    with stranger(status, body) as url:
        finished = tfgate(*command, f"--url={url}")

    assert finished.exit_code == 1
    assert "is no tfgate gateway" in finished.stderr


def test_a_gateway_on_this_machine_is_asked_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with RefusingProxy() as proxy, stranger(200, b'{"prediction": {}}') as url:
        for name, value in proxy.environment.items():
            monkeypatch.setenv(name, value)
        for host in ("127.0.0.1", "localhost", "127.1"):
            there = url.replace("127.0.0.1", host)
            assert tfgate("predict", "housing", f"--url={there}").exit_code == 0
        assert proxy.asked == []

        finished = tfgate("predict", "housing", "--url=http://gateway.test")

    assert finished.exit_code == 1
    assert proxy.asked == ["POST http://gateway.test/predict/housing HTTP/1.1"]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "wrong://127.0.0.1"])
def test_a_proxy_that_cannot_be_used_is_named(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", proxy)

    finished = tfgate("predict", "housing", "--url=http://gateway.test")

    assert finished.exit_code == 1
    assert "the proxy that the environment names" in finished.stderr


@contextmanager
def stranger(status: int, body: bytes) -> Iterator[str]:
    """Run a server that is no gateway, and answers everything alike; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  # http.server calls it so

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_models_lists_generic_models_too() -> None:
    server = generic_models("forest", "naïve model")
    with (
        listening(server) as address,
        stack.gateway(address, generic_models="forest,naïve model") as url,
    ):
        finished = tfgate("models", f"--url={url}")

    assert finished.exit_code == 0, finished.stderr
    assert "forest 1" in finished.stdout
    assert "naïve model 1" in finished.stdout


def test_models_lists_versions_with_their_figures(gateway: str) -> None:
    finished = tfgate("models", f"--url={gateway}")

    assert finished.exit_code == 0, finished.stderr
    for name in MODELS:
        card = httpx.get(f"{gateway}/models/{name}").json()["versions"][0]["card"]
        assert f"{name} {card['version']}" in finished.stdout
        assert all(metric["name"] in finished.stdout for metric in card["metrics"])
    assert "AVAILABLE" in finished.stdout
    assert "e+0" not in finished.stdout
