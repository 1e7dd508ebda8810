"""API keys: who is let in, how often, and that the file of keys is followed while all runs."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.example_bodies import EXAMPLES, HOUSE
from tests.in_process import Gateway, gateway, growth, reading
from tfgate.keys import create, revoke

FEW = 5


@dataclass(frozen=True)
class Guarded:
    """A gateway that wants keys: one for everything, one for housing alone, and a limited one."""

    file: Path
    everything: str
    narrow: str
    limited: str
    gateway: Gateway

    def get(self, path: str, key: str | None = None) -> httpx.Response:
        return self.gateway.client.get(path, headers=bearer(key or self.everything))

    def ask(self, key: str, model: str = "housing", end: str = "") -> httpx.Response:
        return self.gateway.client.post(
            f"/predict/{model}{end}", json=EXAMPLES[model], headers=bearer(key)
        )


@contextmanager
def guarded_gateway(file: Path) -> Iterator[Guarded]:
    everything = create(file, "everything")
    narrow = create(file, "narrow", models=["housing"])
    limited = create(file, "limited", rates=[f"{FEW}/hour", "100/second"])
    with gateway(keys_file=file) as tfgate:
        tfgate.wait_until_ready()
        yield Guarded(file, everything, narrow, limited, tfgate)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    with guarded_gateway(tmp_path / "keys.jsonl") as guarded:
        yield guarded


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def ask_batch(tfgate: Gateway, key: str, number: int) -> httpx.Response:
    document = {"instances": [HOUSE] * number}
    return tfgate.client.post("/predict/housing/batch", json=document, headers=bearer(key))


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    code: str = answer.json()["code"]
    return code


def test_a_key_opens_in_either_header(guarded: Guarded) -> None:
    http = guarded.gateway.client
    assert guarded.ask(guarded.everything).status_code == 200
    for headers in (
        {"X-API-Key": guarded.everything},
        {"authorization": f"bearer {guarded.everything}"},
    ):
        assert http.get("/models", headers=headers).status_code == 200


def test_without_a_known_key_nothing_opens(guarded: Guarded) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer tfgate_wrong"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"X-API-Key": ""},
        {"X-API-Key": "ä"},
    ):
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        for method, path in (
            ("POST", "/predict/housing"),
            ("POST", "/predict/none"),
            ("GET", "/models"),
            ("GET", "/nowhere"),
        ):
            answer = guarded.gateway.client.request(method, path, headers=encoded)

            assert answer.status_code == 401, (path, headers)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert code_of(answer) == "unauthenticated"
            assert "X-API-Key" in answer.json()["hint"]
    assert guarded.gateway.server.calls == []


def test_what_probes_and_newcomers_need_is_open(guarded: Guarded) -> None:
    probes = ("/healthz", "/readyz", "/readyz/housing")
    for path in ("/", "/docs", "/openapi.json", *probes, "/errors/unauthenticated"):
        assert guarded.gateway.client.get(path).status_code == 200, path


def test_no_key_may_read_of_all_others(guarded: Guarded) -> None:
    assert guarded.get("/metrics").status_code == 404


def test_the_documentation_says_how_keys_are_sent(guarded: Guarded) -> None:
    document = guarded.gateway.client.get("/openapi.json").json()

    schemes = document["components"]["securitySchemes"].values()
    assert {scheme["type"] for scheme in schemes} == {"http", "apiKey"}


def test_a_key_is_good_for_its_models_alone(guarded: Guarded) -> None:
    forbidden = growth("tfgate_key_requests_total", key="narrow", outcome="forbidden")
    assert guarded.ask(guarded.narrow).status_code == 200

    answer = guarded.ask(guarded.narrow, "sentiment")

    assert answer.status_code == 403
    assert code_of(answer) == "forbidden"
    assert "sentiment" in answer.json()["detail"]
    assert forbidden() == 1


def test_no_spelling_of_a_path_gets_round_a_keys_models(guarded: Guarded) -> None:
    for end in ("%0A", "/", "%00", "%2F", ";x"):
        answer = guarded.ask(guarded.narrow, "sentiment", end)

        assert answer.status_code in {403, 404}, end
    assert guarded.gateway.server.calls == []


def test_a_key_is_good_for_so_many_requests(guarded: Guarded) -> None:
    answers = [guarded.ask(guarded.limited) for _ in range(FEW + 1)]

    assert [answer.status_code for answer in answers] == [200] * FEW + [429]
    refused = answers[-1]
    assert code_of(refused) == "rate-limited"
    assert 60 < int(refused.headers["Retry-After"]) <= 3600
    assert "limited" in refused.json()["detail"]
    assert guarded.ask(guarded.everything).status_code == 200, "another key has paid"


@pytest.mark.parametrize(
    ("rate", "into_window", "wait"),
    [
        # Until the window ends, and then until so much of it lies back that half of ten count.
        ("10 rows/hour", 600, 3000 + 1800),
        ("10 rows per hour", 3599, 1 + 1800),
        ("10row/minute", 15, 45 + 30),
    ],
)
def test_rows_are_paid_for_when_the_rate_says_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: str, into_window: int, wait: int
) -> None:
    key = create(tmp_path / "keys", "shop", rates=[rate, "100/second"])
    now = 1_800_000_000.0 + into_window
    monkeypatch.setattr(time, "time", lambda: now)
    with gateway(keys_file=tmp_path / "keys") as tfgate:
        tfgate.wait_until_ready()
        outcomes = {
            outcome: growth("tfgate_key_requests_total", key="shop", outcome=outcome)
            for outcome in ("accepted", "rate-limited")
        }
        assert [ask_batch(tfgate, key, number).status_code for number in (7, 3)] == [200, 200]

        refused = ask_batch(tfgate, key, 5)

        assert refused.status_code == 429
        assert code_of(refused) == "rate-limited"
        assert "10 rows per 1" in refused.json()["detail"]
        assert "5 more rows" in refused.json()["detail"]
        single = tfgate.client.post("/predict/housing", json=HOUSE, headers=bearer(key))
        assert single.status_code == 429, "a single prediction is a row"
        assert tfgate.client.get("/models", headers=bearer(key)).status_code == 200
        assert {name: grown() for name, grown in outcomes.items()} == {
            "accepted": 3,
            "rate-limited": 2,
        }
        told = int(refused.headers["Retry-After"])
        fading = 0.1 * (60 if "minute" in rate else 3600)  # of one of ten rows
        assert wait - fading - 1 <= told <= wait + 1
        now += told - 2
        assert ask_batch(tfgate, key, 5).status_code == 429
        now += 2
        assert ask_batch(tfgate, key, 5).status_code == 200
        # What counts now is what is left of the last window, and what this one has had.
        refused = ask_batch(tfgate, key, 4)
        assert refused.status_code == 429
        now += int(refused.headers["Retry-After"]) - 2
        assert ask_batch(tfgate, key, 4).status_code == 429
        now += 2
        assert ask_batch(tfgate, key, 4).status_code == 200


def test_a_batch_that_a_key_can_never_pay_for_says_so(tmp_path: Path) -> None:
    key = create(tmp_path / "keys", "shop", rates=["100rows/second", "1000rows/day"])
    with gateway(keys_file=tmp_path / "keys") as tfgate:
        tfgate.wait_until_ready()

        answer = ask_batch(tfgate, key, 101)

        assert answer.status_code == 413
        assert "Retry-After" not in answer.headers
        assert code_of(answer) == "payload-too-large"
        assert "101 rows" in answer.json()["detail"]
        assert "100 rows per 1 second" in answer.json()["detail"]
        assert "at most 100" in answer.json()["hint"]


def test_a_key_is_good_until_it_expires(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    keys = {"new": create(file, "new", expires="1h"), "old": create(file, "old", expires="1h")}
    line = file.read_text().splitlines()[1]
    passed = datetime.now(UTC) - timedelta(seconds=1)
    old = re.sub('"expires":"[^"]*"', f'"expires":"{passed.isoformat()}"', line)
    file.write_text(file.read_text().replace(line, old))
    with gateway(keys_file=file) as tfgate:
        expired = growth("tfgate_key_requests_total", key="old", outcome="expired")

        good, refused = (
            tfgate.client.get("/docs-of-none", headers=bearer(keys[name])) for name in keys
        )

        assert good.status_code == 404
        assert refused.status_code == 401
        assert code_of(refused) == "unauthenticated"
        until = f"{passed:%Y-%m-%d %H:%M} UTC"
        assert f"the key old has expired: it was good until {until}" in refused.json()["detail"]
        assert "new key" in refused.json()["hint"]
        assert expired() == 1


def test_keys_come_and_go_while_all_runs(guarded: Guarded) -> None:
    leaver = create(guarded.file, "leaver")
    guarded.gateway.wait_until(lambda: guarded.get("/models", leaver).is_success, "a new key")

    revoke(guarded.file, "leaver")

    refused = 401
    guarded.gateway.wait_until(
        lambda: guarded.get("/models", leaver).status_code == refused, "refusal"
    )
    assert guarded.get("/models").status_code == 200


def test_a_broken_file_changes_nothing_but_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.jsonl"
    with guarded_gateway(file) as guarded:
        good = file.read_text()
        file.write_text(good.splitlines()[0] + '\n{"name": "half"')
        guarded.gateway.wait_until(lambda: reading("tfgate_keys_file_valid") == 0, "news")
        assert guarded.get("/models").status_code == 200

        file.write_text(good)
        guarded.gateway.wait_until(lambda: reading("tfgate_keys_file_valid") == 1, "repair")
        assert guarded.get("/models").status_code == 200

    said = capsys.readouterr().out + caplog.text
    assert f"{file}:2" in said
    assert '"key":"everything"' in said
    assert guarded.everything not in said
