"""The keys' rates of several gateways that share a real Redis, also while it fails."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from limits.aio.storage import RedisStorage

from serving.gateway.middleware import shared_rates
from serving.gateway.middleware.pipelined_redis import PipelinedRedis
from tests import stack
from tests.certificates import Authority
from tests.example_bodies import HOUSE
from tests.in_process import Gateway, gateway, reading
from tests.redis_server import NEEDED, RedisServer
from tfgate.keys import create

pytestmark = NEEDED
FEW = 10
UNSHARED = "tfgate_rates_unshared"
AWAY = "each process counts the keys' rates for itself until"
SECRET = "hush"  # noqa: S105  # a test's own


@pytest.fixture
def store() -> Iterator[RedisServer]:
    with RedisServer() as store:
        yield store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.jsonl"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a slow machine's time for nothing; a test of patience sets its own."""
    monkeypatch.setattr(shared_rates, "_PATIENCE_SECONDS", 60)
    monkeypatch.setattr(shared_rates, "_PATIENCE_OF_LOOKS_SECONDS", 60)
    monkeypatch.setattr(shared_rates, "_PAUSE_SECONDS", 0.05)


@contextmanager
def gateways(number: int, file: Path, store: str) -> Iterator[list[Gateway]]:
    """Run gateways that share a store; each has its own loop, and so connections of its own."""
    with ExitStack() as running:
        yield [running.enter_context(sharing(file, store)) for _ in range(number)]


@contextmanager
def sharing(file: Path, store: str) -> Iterator[Gateway]:
    """Run a gateway that has found its store, if there is one."""
    with gateway(keys_file=file, store=store) as tfgate:
        tfgate.wait_until_ready()
        tfgate.wait_until(lambda: not is_unshared(), "the store")
        yield tfgate


def ask(tfgate: Gateway, key: str) -> httpx.Response:
    return tfgate.client.get("/models", headers={"X-API-Key": key})


def ask_batch(tfgate: Gateway, key: str, number: int) -> httpx.Response:
    document = {"instances": [HOUSE] * number}
    return tfgate.client.post("/predict/housing/batch", json=document, headers={"X-API-Key": key})


def num_accepted(tfgates: list[Gateway], key: str) -> int:
    """Ask each in turn, more often than a key is good for."""
    answers = [ask(tfgate, key) for _ in range(FEW) for tfgate in tfgates]
    assert {answer.status_code for answer in answers} <= {200, 429}
    return [answer.status_code for answer in answers].count(200)


def is_unshared() -> bool:
    return reading(UNSHARED) == 1


def counts(store: RedisServer) -> dict[str, int]:
    """Return what Redis holds of rates: by its keys, the milliseconds that are left to each."""
    with redis.Redis.from_url(store.url, decode_responses=True) as client:
        return {key: client.pttl(key) for key in client.scan_iter("tfgate:rates:*")}


def let_pass(store: RedisServer, seconds: int) -> None:
    """Do to its counts what so much time does: they tell it by what is left to them."""
    with redis.Redis.from_url(store.url) as client:
        for key, left in counts(store).items():
            client.pexpire(key, max(1, left - 1000 * seconds))


def test_a_key_is_good_for_so_many_requests_in_all(store: RedisServer, file: Path) -> None:
    key = create(file, "shop", rates=[f"{FEW}/hour", "1000/second"])
    other = create(file, "other", rates=[f"{FEW}/hour"])
    with gateways(2, file, store.url) as (one, two):
        assert num_accepted([one, two], key) == FEW

        for tfgate in (one, two):
            refused = ask(tfgate, key)
            assert refused.status_code == 429
            assert refused.json()["code"] == "rate-limited"
            # Until the hour ends that began with the first of them.
            assert 3600 - 60 < int(refused.headers["Retry-After"]) <= 3601
        assert ask(two, other).status_code == 200, "another key has paid"
        assert not is_unshared()


def test_a_gateway_that_starts_later_counts_on(store: RedisServer, file: Path) -> None:
    key = create(file, "shop", rates=[f"{FEW}/hour"])
    with gateways(1, file, store.url) as [first]:
        assert num_accepted([first], key) == FEW
    with gateways(1, file, store.url) as [second]:
        assert ask(second, key).status_code == 429


@pytest.mark.parametrize("store", ["sqlite", "none"])
def test_without_redis_each_process_counts_for_itself(file: Path, store: str) -> None:
    key = create(file, "shop", rates=[f"{FEW}/hour"])
    with gateways(2, file, store) as tfgates:
        assert num_accepted(tfgates, key) == 2 * FEW
        assert not is_unshared()


def test_rows_are_shared_too_and_the_time_told_is_right(store: RedisServer, file: Path) -> None:
    key = create(file, "shop", rates=["10rows/hour"])
    with gateways(2, file, store.url) as (one, two):
        assert ask_batch(one, key, 7).status_code == 200
        assert ask_batch(two, key, 4).status_code == 429
        assert ask_batch(two, key, 3).status_code == 200
        assert ask_batch(one, key, 11).status_code == 413

        refused = ask_batch(one, key, 5)

        assert refused.status_code == 429
        assert "10 rows per 1 hour" in refused.json()["detail"]
        told = int(refused.headers["Retry-After"])
        # Until this hour ends, and then until less than six of ten count.
        assert 3600 + 1380 < told <= 3600 + 1441
        # Some of it passes by itself, but not so much.
        let_pass(store, told - 60)
        assert ask_batch(two, key, 5).status_code == 429
        let_pass(store, 60)
        assert ask_batch(two, key, 5).status_code == 200


def test_requests_at_the_same_time_get_each_its_own_answer(store: RedisServer, file: Path) -> None:
    keys = [create(file, name, rates=[f"{FEW}/hour"]) for name in ("shop", "other")]
    with gateways(2, file, store.url) as tfgates:
        visitors = [
            (key, tfgate.ask("/predict/housing", HOUSE, {"X-API-Key": key}))
            for _ in range(FEW)
            for tfgate in tfgates
            for key in keys
        ]
        accepted = [key for key, visitor in visitors if visitor.answer().status == 200]

    assert [accepted.count(key) for key in keys] == [FEW, FEW]


def test_nothing_is_counted_for_ever_nor_tells_a_key(store: RedisServer, file: Path) -> None:
    key = create(file, "shop", rates=["10/minute", "10rows/day"])
    with gateways(1, file, store.url) as [tfgate]:
        assert ask_batch(tfgate, key, 3).status_code == 200
        held = counts(store)
        assert any("/requests/" in each for each in held)
        assert any("/rows/" in each for each in held)
        assert not any(key in each for each in held)
        # Twice the longest rate.
        assert all(0 < left <= 2 * 86_400_000 for left in held.values())


def test_an_expired_key_is_not_counted(store: RedisServer, file: Path) -> None:
    key = create(file, "old", rates=["10/minute"], expires="1h")
    passed = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    file.write_text(re.sub('"expires":"[^"]*"', f'"expires":"{passed}"', file.read_text()))
    with gateways(1, file, store.url) as [tfgate]:
        assert ask(tfgate, key).status_code == 401
        assert not any("old" in each for each in counts(store))


def test_while_redis_is_dead_each_process_counts_for_itself(
    store: RedisServer, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tfgate.keys")
    key = create(file, "shop", rates=[f"{FEW}/hour"])
    with gateways(1, file, store.url) as [tfgate]:
        assert num_accepted([tfgate], key) == FEW
        store.kill()

        assert num_accepted([tfgate], key) == FEW
        assert is_unshared()
        refused = ask(tfgate, key)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 7200

        store.start()
        tfgate.wait_until(lambda: not is_unshared(), "the store")
        assert num_accepted([tfgate], key) == FEW, "it has forgotten all"
        assert counts(store)

    said = [record.getMessage() for record in caplog.records if record.name == "tfgate.keys"]
    there = f"the keys' rates are counted in {store.url}"
    [first, away, back] = said
    assert away.startswith(f"{AWAY} {store.url} can be asked: ")
    assert first == back == there


def test_nobody_waits_for_a_redis_that_hangs(
    store: RedisServer,
    file: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_rates, "_PATIENCE_SECONDS", 0.2)
    key = create(file, "shop", rates=[f"{FEW}/hour"])
    with gateways(1, file, store.url) as [tfgate]:
        assert ask(tfgate, key).status_code == 200
        store.hang()

        # The first finds out.
        waiting = [tfgate.ask("/predict/housing", HOUSE, {"X-API-Key": key}) for _ in range(3)]
        waiting[0].leave()
        assert [visitor.answer().status for visitor in waiting[1:]] == [200, 200]
        assert is_unshared()
        assert ask(tfgate, key).status_code == 200

        store.go_on()
        tfgate.wait_until(lambda: not is_unshared(), "the store")
        assert ask(tfgate, key).status_code == 200

    # Redis has heard of what it was asked before, and not of what nobody tried any more.
    with redis.Redis.from_url(store.url) as client:
        [count] = [client.get(each) for each in counts(store) if "shop" in each]
    assert int(count or 0) <= 5
    # A slow machine may have taken another answer for too late, too.
    assert f"{AWAY} {store.url} can be asked: no answer within 0.2 s" in caplog.text


def test_nobody_notices_that_redis_was_started_anew(
    store: RedisServer, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its end is seen before anything is asked, and its scripts are sent again."""
    key = create(file, "shop", rates=[f"{FEW}/hour"])
    with gateways(1, file, store.url) as [tfgate]:
        assert ask(tfgate, key).status_code == 200
        with redis.Redis.from_url(store.url) as client:
            client.script_flush()
        assert ask(tfgate, key).status_code == 200
        store.kill()
        store.start()

        assert num_accepted([tfgate], key) == FEW
        assert AWAY not in caplog.text


def forget(store: RedisServer) -> None:
    with redis.Redis.from_url(store.url) as client:
        client.flushall()


@pytest.mark.parametrize("fault", [RedisServer.kill, forget])
def test_what_fails_after_it_has_refused_leaves_a_time_that_can_be_waited(
    store: RedisServer,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[RedisServer], None],
) -> None:
    key = create(file, "shop", rates=[f"{FEW}/hour"])
    whole = RedisStorage.get_sliding_window

    async def failing(self: RedisStorage, key: str, expiry: int) -> tuple[int, float, int, float]:
        fault(store)
        return await whole(self, key, expiry)

    monkeypatch.setattr(RedisStorage, "get_sliding_window", failing)
    with gateways(1, file, store.url) as [tfgate]:
        refused = [ask(tfgate, key) for _ in range(FEW + 1)][-1]

        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert ask(tfgate, key).status_code == 200, "what is left has counted none"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Redis is asked for rates from now on."""
    commands: list[str] = []
    whole = PipelinedRedis.execute_command

    async def noting(self: PipelinedRedis, *arguments: Any, **options: Any) -> Any:
        commands.append(arguments[0])
        return await whole(self, *arguments, **options)

    monkeypatch.setattr(PipelinedRedis, "execute_command", noting)
    return commands


@pytest.mark.parametrize(
    ("flags", "address", "why"),
    [
        (("--requirepass", SECRET), "redis://{}", "AUTH <user> <pass>"),
        (("--requirepass", SECRET), "redis://:wrong-hush@{}", "invalid username-password"),
        (("--requirepass", SECRET), "redis://nobody:hush@{}/0", "invalid username-password"),
        (("--user", "weak", "on", f">{SECRET}", "+@connection"), "redis://weak:hush@{}", "evalsha"),
        (("--replicaof", "127.0.0.1", "1"), "redis://{}", "read only replica"),
        (("--maxmemory", "1"), "redis://{}", "maxmemory"),
        (("--databases", "1"), "redis://{}/7", "out of range"),
    ],
)
def test_a_redis_that_refuses_is_told_once_without_the_password(
    file: Path,
    asked: list[str],
    caplog: pytest.LogCaptureFixture,
    flags: tuple[str, ...],
    address: str,
    why: str,
) -> None:
    key = create(file, "shop", rates=[f"{FEW}/hour"])
    with RedisServer(*flags) as store:
        place = f"127.0.0.1:{store.port}"
        with gateway(keys_file=file, store=address.format(place)) as tfgate:
            tfgate.wait_until_ready()
            # Looks go on, and are refused as well.
            tfgate.wait_until(lambda: len(asked) > 4, "more looks")
            assert num_accepted([tfgate], key) == FEW
            assert is_unshared()

    said = [record.getMessage() for record in caplog.records if record.name == "tfgate.keys"]
    [away] = said
    assert f" until redis://{place}" in away
    assert why in away
    assert SECRET not in away
    assert "\n" not in away


def test_the_right_password_opens(file: Path) -> None:
    key = create(file, "shop", rates=[f"{FEW}/hour"])
    with RedisServer("--requirepass", "a/b@c:d%") as store:
        place = f"127.0.0.1:{store.port}"
        with gateways(2, file, f"redis://:a%2Fb%40c:d%25@{place}") as tfgates:
            assert num_accepted(tfgates, key) == FEW
            assert not is_unshared()


def test_tls_is_spoken_with_one_whom_this_machine_trusts(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = create(file, "shop", rates=[f"{FEW}/hour"])
    authority = Authority(tmp_path)
    identity = authority.issue("127.0.0.1")
    port = stack.free_port()
    tls = (
        *("--tls-port", str(port), "--tls-cert-file", str(identity.certificate)),
        *("--tls-key-file", str(identity.private_key), "--tls-auth-clients", "no"),
    )
    with RedisServer(*tls):
        url = f"rediss://127.0.0.1:{port}"
        with gateway(keys_file=file, store=url) as tfgate:
            tfgate.wait_until(lambda: "certificate verify failed" in caplog.text, "the refusal")
            tfgate.wait_until_ready()
            assert ask(tfgate, key).status_code == 200
            assert is_unshared()

        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        with gateways(2, file, url) as tfgates:
            assert num_accepted(tfgates, key) == FEW
            assert not is_unshared()
