"""`tfgate keys`: a file is made, shown and changed, and secrets are shown once."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.gateway.middleware.keys import KeyRing, WrongKeys
from serving.models import MODELS
from tfgate.cli import app


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.jsonl"


def keys(file: Path, *arguments: str, fails: bool = False) -> str:
    result = CliRunner().invoke(app, ["keys", *arguments, f"--file={file}"])
    assert result.exit_code == (2 if fails else 0), result.output
    return result.output.strip()


def test_a_key_is_shown_once_and_found_again(file: Path) -> None:
    secret = keys(file, "create", "shop", "--rate=50/second", "--rate=1000/day", "--model=housing")

    assert secret not in file.read_text()
    found = KeyRing(file, MODELS).find(secret.encode())
    assert found is not None
    assert (found.name, found.rates, found.models) == (
        *("shop", ("50/second", "1000/day")),
        ("housing",),
    )
    assert KeyRing(file, MODELS).find(secret[:-1].encode()) is None


def test_keys_are_listed_without_secrets(file: Path) -> None:
    secret = keys(file, "create", "shop", "--rate=50/second")
    keys(file, "create", "intranet")

    listed = keys(file, "list")

    assert "shop" in listed
    assert "50/second" in listed
    assert "intranet" in listed
    assert secret not in listed


def test_a_revoked_key_is_gone_and_the_others_stay(file: Path) -> None:
    gone, kept = keys(file, "create", "gone"), keys(file, "create", "kept")

    keys(file, "revoke", "gone")

    ring = KeyRing(file, MODELS)
    assert ring.find(gone.encode()) is None
    assert ring.find(kept.encode()) is not None


def test_any_user_may_read_the_file_which_holds_no_secret(file: Path) -> None:
    keys(file, "create", "shop")

    assert file.stat().st_mode & 0o777 == 0o644


def test_a_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)

    secret = keys(link, "create", "shop")

    assert link.is_symlink()
    assert KeyRing(file, MODELS).find(secret.encode()) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "shop"], "a key named shop already"),
        (["create", "a b"], "name"),
        (["create", "new", "--rate=often"], "often"),
        (["create", "new", "--model=weather"], "weather"),
        (["revoke", "stranger"], "no key named stranger; it has shop"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    file: Path, arguments: list[str], message: str
) -> None:
    keys(file, "create", "shop")
    before = file.read_text()

    assert message in keys(file, *arguments, fails=True)
    assert file.read_text() == before


def test_a_broken_file_is_not_overwritten(file: Path) -> None:
    file.write_text("broken")

    assert f"{file}:1" in keys(file, "create", "shop", fails=True).replace("\n", "")
    assert file.read_text() == "broken"
    with pytest.raises(WrongKeys):
        KeyRing(file, MODELS)
