"""Where gateways keep what they share: which stores are taken, and that no password is told."""

from pathlib import Path

import pytest

from serving.gateway import settings as gateway_settings
from serving.gateway.settings import Settings, WrongSettings, read_settings

SECRET = "hush"  # noqa: S105  # a test's own


def accepted(store: str) -> str:
    return read_settings(store=store).store


def refusal(store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TFGATE_STORE", store)
    with pytest.raises(WrongSettings) as refused:
        read_settings()
    return str(refused.value)


@pytest.mark.parametrize(
    "store",
    [
        *("sqlite", "none"),
        *("redis://redis:6379", "redis://127.0.0.1:6379/0", "redis://[::1]:6379/15"),
        *("redis://:hush@redis:6379", "rediss://tfgate:hush@redis.example:6380/2"),
        *("redis://user@redis:6379", "redis://:a%2Fb%40c:d@redis:6379/", "rediss://r_1.x.:1"),
    ],
)
def test_what_can_be_a_store_is_taken_as_it_is(store: str) -> None:
    assert accepted(store) == store


def test_a_file_is_a_store_wherever_it_may_be_written(tmp_path: Path) -> None:
    for file in (tmp_path / "new.db", tmp_path / "a name with ? and #"):
        assert accepted(f"sqlite://{file}") == f"sqlite://{file}"
        file.touch()
        assert accepted(f"sqlite://{file}") == f"sqlite://{file}"


@pytest.mark.parametrize("what", [".", "data.db"])
def test_a_file_that_may_not_be_written_is_no_store(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.db").touch()
    # As it is for everybody but root, who may run this.
    monkeypatch.setattr("os.access", lambda path, _: path != tmp_path / what)

    message = refusal(f"sqlite://{tmp_path}/data.db", monkeypatch)

    assert "may not be written by this user" in message


@pytest.mark.parametrize(
    ("store", "what"),
    [
        ("", "'' is no store; give sqlite,"),
        ("memory", "'memory' is no store"),
        ("SQLITE", "'SQLITE' is no store"),
        ("none ", "'none ' is no store"),
        ("redis", "'redis' is no store"),
        ("redis:6379", "'redis:6379' is no store. Did you mean redis://redis:6379?"),
        ("valkey://redis:6379", "is no store. Did you mean redis://?"),
        ("valkeys://redis:6379", "is no store. Did you mean rediss://?"),
        ("REDIS://redis:6379", "is no store. Did you mean redis://?"),
        (" redis://redis:6379", "is no store"),
        ("unix:///run/redis.sock", "is no store; give"),
        ("postgres://db:5432", "'postgres://…' is no store; give"),
        ("sqlite:data.db", "is no store; give"),
        ("sqlite://", "names no file by its whole path"),
        ("sqlite:///", "names no file by its whole path"),
        ("sqlite://data.db", "names no file by its whole path"),
        ("sqlite:///tmp/", "names no file by its whole path"),
        ("sqlite:///tmp", "is a folder"),
        ("sqlite:///no/such/folder/data.db", "lies in no folder that there is"),
        ("sqlite:///dev/null/data.db", "lies in no folder that there is"),
        (f"sqlite:///{'x' * 300}", "cannot be read: File name too long"),
        ("redis://", "has no host and port"),
        ("redis:///0", "has no host and port"),
        ("redis://redis", "has no host and port"),
        ("redis://redis:0", "has no host and port"),
        ("redis://redis:65536", "has no host and port"),
        ("redis://redis:http", "has no host and port"),
        ("redis://::1:6379", "has no host and port"),
        ("redis://10.0.0.256:6379", "has no host and port"),
        ("redis://a:6379,b:6379", "has no host and port"),
        ("redis://redis:6379/zero", "is no address"),
        ("redis://redis:6379/-1", "is no address"),
        ("redis://redis:6379/0/1", "is no address"),
        ("redis://redis:6379?db=1", "is no address"),
        ("redis://redis:6379#0", "is no address"),
        ("redis://redis :6379", "is no address"),
        ("redis://redis:6379\n", "is no address"),
    ],
)
def test_what_can_be_no_store_is_told_with_what_can(
    store: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = refusal(store, monkeypatch)

    assert message.startswith("wrong settings: TFGATE_STORE: ")
    assert what in message
    assert "redis://[[USER]:PASSWORD@]HOST:PORT[/NUMBER]" in message
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize(
    "store",
    [
        *(f"redis://:{SECRET}@redis", f"redis://tfgate:{SECRET}@redis:99999"),
        *(f"redis://:{SECRET}/@redis:6379", f"redis://:{SECRET}#@redis:6379"),
        *(f"redis://:{SECRET}?@redis:6379", f"redis://:@{SECRET}@redis:6379"),
        *(f"redis://tfgate:{SECRET}", f"redis://:{SECRET}", f"redis://{SECRET}"),
        *(f"redis:tfgate:{SECRET}@redis:6379", f"{SECRET}@redis:6379", f"tfgate:{SECRET}@redis"),
        *(f"valkey://:{SECRET}@redis:6379", f"Redis://:{SECRET}@redis:6379"),
        f"redis//:{SECRET}@redis:6379",
    ],
)
def test_no_password_is_told(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SECRET not in refusal(store, monkeypatch)


def test_settings_show_no_password() -> None:
    settings = Settings(store=f"redis://:{SECRET}@redis:6379")

    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)


def test_without_its_client_redis_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_settings, "find_spec", lambda _: None)

    assert "pip install 'tfgate[redis]'" in refusal("redis://redis:6379", monkeypatch)
    assert accepted("sqlite") == "sqlite"
