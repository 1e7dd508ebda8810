"""API keys: who is let in, how often, and that the file of keys is followed while all runs."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from serving.models import MODELS
from tests import stack
from tests.readings import reading
from tests.workers import listening
from tfgate.keys import create, revoke

FEW = 5


@dataclass(frozen=True)
class Guarded:
    """A gateway that wants keys."""

    keys: Path
    key: str
    """One that may do everything."""
    metrics: str
    """Where metrics can be read without a key."""
    client: httpx.Client
    """Has no key by itself."""


@pytest.fixture(scope="module")
def guarded(model_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    keys = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    key, metrics_port = create(keys, "everything"), stack.free_port()
    settings = {"keys_file": str(keys), "metrics_port": str(metrics_port)}
    with (
        stack.gateway(model_server, **settings) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        stack.wait_until_ready(url)
        yield Guarded(keys, key, f"http://127.0.0.1:{metrics_port}", client)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def ask(client: httpx.Client, key: str, model: str = "housing") -> httpx.Response:
    example = MODELS[model].example.model_dump(mode="json")
    return client.post(f"/predict/{model}", json=example, headers=bearer(key))


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    code: str = answer.json()["code"]
    return code


def test_a_key_opens_in_either_header(guarded: Guarded) -> None:
    assert ask(guarded.client, guarded.key).status_code == 200
    for headers in ({"X-API-Key": guarded.key}, {"authorization": f"bearer {guarded.key}"}):
        assert guarded.client.get("/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer tfgate_wrong"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"X-API-Key": ""},
        {"X-API-Key": "ä"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/predict/housing", "/predict/none", "/models", "/nowhere"])
def test_without_a_known_key_nothing_opens(
    guarded: Guarded, path: str, headers: dict[str, str]
) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    method = "POST" if "predict" in path else "GET"

    answer = guarded.client.request(method, path, headers=encoded)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert code_of(answer) == "unauthenticated"
    assert "X-API-Key" in answer.json()["hint"]


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/openapi.json", "/healthz", "/readyz", "/errors/unauthenticated"],
)
def test_what_probes_and_newcomers_need_is_open(guarded: Guarded, path: str) -> None:
    assert guarded.client.get(path).status_code == 200


def test_the_documentation_says_how_keys_are_sent(guarded: Guarded) -> None:
    document = guarded.client.get("/openapi.json").json()

    schemes = document["components"]["securitySchemes"].values()
    assert {scheme["type"] for scheme in schemes} == {"http", "apiKey"}


def test_a_key_is_good_for_its_models_alone(guarded: Guarded) -> None:
    narrow = create(guarded.keys, "narrow", models=["housing"])
    stack.wait_until(lambda: ask(guarded.client, narrow).is_success, "taking over a new key")

    answer = ask(guarded.client, narrow, "sentiment")

    assert answer.status_code == 403
    assert code_of(answer) == "forbidden"
    assert "sentiment" in answer.json()["detail"]
    labels = {"key": "narrow", "outcome": "forbidden"}
    assert reading(guarded.metrics, "tfgate_key_requests_total", **labels) == 1


@pytest.mark.parametrize("end", ["%0A", "/", "%00", "%2F", ";x"])
def test_no_spelling_of_a_path_gets_round_a_keys_models(guarded: Guarded, end: str) -> None:
    narrow = create(guarded.keys, f"narrow{end.encode().hex()}", models=["sentiment"])
    stack.wait_until(lambda: ask(guarded.client, narrow, "sentiment").is_success, "a new key")
    example = MODELS["housing"].example.model_dump(mode="json")

    answer = guarded.client.post(f"/predict/housing{end}", json=example, headers=bearer(narrow))

    assert answer.status_code in {403, 404}


def test_a_key_that_follows_the_body_is_none(guarded: Guarded) -> None:
    host, port = guarded.client.base_url.host, guarded.client.base_url.port
    assert port is not None
    head = "GET /models HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    request = f"{head}0\r\nX-API-Key: {guarded.key}\r\n\r\n"
    with socket.create_connection((host, port), timeout=30) as connection:
        connection.sendall(request.encode())

        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_a_key_is_good_for_so_many_requests(guarded: Guarded) -> None:
    limited = create(guarded.keys, "limited", rates=[f"{FEW}/hour", "100/second"])
    stack.wait_until(lambda: ask(guarded.client, limited).is_success, "taking over a new key")

    answers = [ask(guarded.client, limited) for _ in range(FEW)]

    assert [answer.status_code for answer in answers] == [200] * (FEW - 1) + [429]
    refused = answers[-1]
    assert code_of(refused) == "rate-limited"
    assert 60 < int(refused.headers["Retry-After"]) <= 3600
    assert "limited" in refused.json()["detail"]
    assert ask(guarded.client, guarded.key).status_code == 200, "another key has paid"


def test_a_revoked_key_is_refused_on_connections_that_are_open(guarded: Guarded) -> None:
    key = create(guarded.keys, "leaver")
    with httpx.Client(base_url=guarded.client.base_url, headers=bearer(key)) as visitor:
        stack.wait_until(lambda: visitor.get("/models").is_success, "taking over a new key")
        before = visitor.get("/models").extensions["network_stream"]

        revoke(guarded.keys, "leaver")

        stack.wait_until(lambda: visitor.get("/models").status_code == 401, "refusal")
        assert visitor.get("/models").extensions["network_stream"] is before


def test_a_broken_file_changes_nothing_but_is_told(model_server: str, tmp_path: Path) -> None:
    log, keys, metrics_port = tmp_path / "log", tmp_path / "keys.jsonl", stack.free_port()
    key, metrics = create(keys, "everything"), f"http://127.0.0.1:{metrics_port}"
    settings = {"keys_file": str(keys), "metrics_port": str(metrics_port)}
    with (
        log.open("wb") as said,
        stack.gateway_process(said, model_server=model_server, **settings) as (_, url),
        httpx.Client(base_url=url, headers=bearer(key)) as client,
    ):
        good = keys.read_text()
        keys.write_text(good + '{"name": "half"')
        stack.wait_until(lambda: reading(metrics, "tfgate_keys_file_valid") == 0, "news")
        assert client.get("/models").status_code == 200

        keys.write_text(good)
        stack.wait_until(lambda: reading(metrics, "tfgate_keys_file_valid") == 1, "repair")
        assert client.get("/models").status_code == 200
    assert f"{keys}:2" in log.read_text()
    assert '"key":"everything"' in log.read_text()
    assert key not in log.read_text()


def test_every_worker_follows_the_file(model_server: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys.jsonl"
    key = create(keys, "everything")
    with stack.gateway(model_server, keys_file=str(keys), workers="2") as url:

        def statuses(path: str) -> set[int]:
            # Each on a connection of its own, which the kernel gives to either worker.
            return {httpx.get(url + path, headers=bearer(key)).status_code for _ in range(12)}

        assert statuses("/models") == {200}
        assert statuses("/metrics") == {404}, "no key may read of all others"
        revoke(keys, "everything")
        stack.wait_until(lambda: statuses("/models") == {401}, "refusal by both")


def test_a_worker_that_dies_waits_for_good_keys(model_server: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys.jsonl"
    key = create(keys, "everything")
    settings = {"model_server": model_server, "keys_file": str(keys), "workers": "2"}
    with stack.gateway_process(**settings) as (running, url):

        def is_served() -> bool:
            return httpx.get(f"{url}/models", headers=bearer(key)).is_success

        stack.wait_until(lambda: len(listening(running)) == 2, "both workers")
        good = keys.read_text()
        keys.write_text("broken")
        listening(running)[0].kill()
        stack.wait_until(lambda: len(listening(running)) == 1, "a worker's death")
        assert all(is_served() for _ in range(5)), "the other one has the keys from before"

        keys.write_text(good)
        stack.wait_until(lambda: len(listening(running)) == 2, "another worker")
        assert is_served()
