"""`tfgate keys`: a file is made, shown and changed, and secrets are shown once."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.gateway.middleware.keys import KeyRing, WrongKeys, read_keys
from serving.models import MODELS
from tfgate.cli import app
from tfgate.expiry import parse_expiry


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


@pytest.mark.parametrize(
    "options",
    [
        ["--models=housing,churn"],
        ["--models=housing, churn"],
        ["--model=housing", "--models=churn"],
    ],
)
def test_a_key_may_name_generic_models(file: Path, options: list[str]) -> None:
    result = CliRunner().invoke(app, ["keys", "create", "shop", *options, f"--file={file}"])

    [key] = read_keys(file, None)
    assert key.models == ("housing", "churn")
    assert result.exit_code == 0
    # It may be misspelt, which nobody here can know.
    assert result.stderr == "tfgate: churn is no typed model: a generic one may be asked\n"
    assert "housing, churn" in keys(file, "list")


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
        (["create", "a\n"], "name"),
        (["create", "ä" * 65], "name"),
        (["create", "new", "--rate=often"], "often"),
        (["create", "new", "--models=housing,,churn"], "a name is empty"),
        (["create", "new", "--expires=soon"], "give 90d, 12h or 2w"),
        (["create", "new", "--rate=5 lines/second"], "1000rows/minute"),
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


@pytest.mark.parametrize("name", ["", "x" * 300])
def test_what_can_be_no_file_is_named(tmp_path: Path, name: str) -> None:
    for arguments in (["create", "shop"], ["list"], ["revoke", "shop"]):
        assert "cannot read the keys in" in keys(tmp_path / name, *arguments, fails=True)


def test_a_broken_file_is_not_overwritten(file: Path) -> None:
    file.write_text("broken")

    assert f"{file}:1" in keys(file, "create", "shop", fails=True).replace("\n", "")
    assert file.read_text() == "broken"
    with pytest.raises(WrongKeys):
        KeyRing(file, MODELS)


NOW = datetime(2026, 11, 28, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expires"),
    [
        ("90d", datetime(2027, 2, 26, 15, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 11, 29, 3, 30, tzinfo=UTC)),
        ("2w", datetime(2026, 12, 12, 15, 30, tzinfo=UTC)),
        ("2026-11-28", datetime(2026, 11, 29, tzinfo=UTC)),
        ("2027-01-31T18:00+01:00", datetime(2027, 1, 31, 17, tzinfo=UTC)),
        ("2027-01-31T18:00Z", datetime(2027, 1, 31, 18, tzinfo=UTC)),
    ],
)
def test_a_key_is_good_for_a_time_or_for_the_whole_of_a_last_day(
    text: str, expires: datetime
) -> None:
    assert parse_expiry(text, NOW) == expires


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "90",
            "90 days",
            "-1d",
            "1.5d",
            "d",
            "soon",
            "2027-02-30",
            "31.01.2027",
            "9999-12-31",
        ),
        *("2027-01-31T18:00", "999999w"),
    ],
)
def test_what_says_no_time_is_refused_with_what_does(text: str) -> None:
    with pytest.raises(ValueError, match="give 90d, 12h or 2w, the last day as"):
        parse_expiry(text, NOW)


@pytest.mark.parametrize("text", ["0d", "2026-11-27", "2026-11-28T15:30Z"])
def test_what_has_passed_is_no_time_to_expire(text: str) -> None:
    with pytest.raises(ValueError, match="has passed already"):
        parse_expiry(text, NOW)


def test_the_list_says_when_keys_expire_and_how_soon(file: Path) -> None:
    for name, expires in {"far": "90d", "near": "36h", "nearer": "5h", "past": "1h"}.items():
        keys(file, "create", name, f"--expires={expires}")
    keys(file, "create", "always")
    past = file.read_text().splitlines()[3]
    old = re.sub('"expires":"[^"]*"', '"expires":"2020-01-01T00:00:00Z"', past)
    file.write_text(file.read_text().replace(past, old))

    rows = {
        line.split()[1]: line for line in keys(file, "list").splitlines() if line.startswith("│")
    }

    assert " UTC " in rows["far"]
    assert "in " not in rows["far"]
    assert "in 1 day" in rows["near"]
    assert "within a day" in rows["nearer"]
    assert "2020-01-01 00:00 UTC, expired" in rows["past"]
    assert "never" in rows["always"]
