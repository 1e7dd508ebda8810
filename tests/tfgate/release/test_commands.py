"""`tfgate release` from a first share to a rollback, with a gateway that answers."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.gateway.releases.release_file import read_releases
from tests.tfgate.release.conftest import Command, StandIn, version
from tfgate.release import edits


def part(file: Path, model: str = "sentiment") -> dict[str, Any]:
    return dict(tomllib.loads(file.read_text())["models"][model])


def test_from_a_first_share_to_promoted_and_back(release: Command, file: Path) -> None:
    begun = datetime.now(UTC)

    told = release("start", "sentiment", 4, "--percent=5", "--stable=3").stdout

    started = part(file)["candidate"]["started"]
    assert begun - timedelta(seconds=1) < started <= datetime.now(UTC)
    assert started.microsecond == 0
    assert part(file) == {
        "stable": 3,
        "candidate": {"version": 4, "percent": 5, "started": started},
        "guard": edits.GUARD,
    }
    assert "sentiment: stable is version 3; candidate is version 4 with 5 %" in told
    assert "+[models.sentiment.candidate]" in told
    assert "the gateway at http://127.0.0.1:8000 follows: running" in told

    release("promote", "sentiment")
    assert part(file) == {"stable": 4, "previous": 3}

    told = release("rollback", "sentiment").stdout
    assert part(file) == {"stable": 3}
    assert "stable is version 3, where it was 4" in told

    assert "nothing to go back to" in release.refused("rollback", "sentiment")


def test_a_rollback_takes_the_candidate_away_and_leaves_the_stable_version(
    release: Command, file: Path
) -> None:
    release("start", "sentiment", 4, "--percent=5", "--stable=3")
    release("rollback", "sentiment")
    assert part(file) == {"stable": 3}


def test_a_rollback_needs_no_gateway_at_all(release: Command, file: Path, gateway: StandIn) -> None:
    release("start", "sentiment", 4, "--percent=5", "--stable=3")
    gateway.is_away = True

    told = release("rollback", "sentiment").stdout

    assert part(file) == {"stable": 3}
    assert "written; whether a gateway follows it is not known" in told


def test_a_rollback_asks_nothing_of_versions_that_cannot_answer(
    release: Command, file: Path, gateway: StandIn
) -> None:
    release("start", "sentiment", 4, "--percent=5", "--stable=3")
    gateway.versions["sentiment"] = [version(4, "END", error="gone")]

    release("rollback", "sentiment")

    assert part(file) == {"stable": 3}


def test_a_share_that_changes_keeps_who_gets_it_and_starts_anew(
    release: Command, file: Path
) -> None:
    file.write_text("""\
[cohorts.staff]
keys = ["alice"]

[models.sentiment]
stable = 3

[models.sentiment.candidate]
version = 4
percent = 5
started = 2026-01-01T00:00:00Z
by = "api-key"  # our callers have keys
headers = { X-Beta = ["yes"] }

[models.sentiment.guard]
errors = 0.3
""")
    before = part(file)

    release("start", "sentiment", 4, "--steps=10%/10m, 50%/1h", "--cohort=staff", "--compare=2.5")

    after = part(file)
    assert after["candidate"].pop("started") > before["candidate"].pop("started")
    del before["candidate"]["percent"]
    more = {"steps": ["10%/10m", "50%/1h"], "cohorts": ["staff"], "compare": 2.5}
    assert after["candidate"] == before["candidate"] | more
    assert after["guard"] == before["guard"]
    assert "# our callers have keys" in file.read_text()


def test_a_guard_that_is_not_wanted_does_not_come_back(release: Command, file: Path) -> None:
    release("start", "sentiment", 4, "--percent=5", "--stable=3", "--no-guard")
    assert "guard" not in part(file)
    release("start", "sentiment", 4, "--percent=10")
    assert "guard" not in part(file)
    release("start", "sentiment", 4, "--guard")
    assert "errors" in part(file)["guard"]
    assert part(file)["candidate"]["percent"] == 10
    release("start", "sentiment", 4, "--no-guard")
    assert "guard" not in part(file)


def test_the_stable_version_is_the_one_that_answers_now(
    release: Command, file: Path, gateway: StandIn
) -> None:
    release("start", "sentiment", 4, "--percent=5")
    assert part(file)["stable"] == 5


def test_of_a_version_that_answers_all_already_the_newest_other_takes_over(
    release: Command, file: Path, gateway: StandIn
) -> None:
    gateway.versions["sentiment"].insert(0, version(7, unready="it gives NaN"))

    release("start", "sentiment", 5, "--percent=5")

    assert part(file)["stable"] == 4
    assert part(file)["candidate"]["version"] == 5


def test_a_shadow_comes_and_goes(release: Command, file: Path) -> None:
    release("shadow", "sentiment", 5, "--stable=3")
    assert part(file) == {"stable": 3, "shadow": {"version": 5}}
    release("shadow", "sentiment", 5, "--percent=20")
    assert part(file)["shadow"] == {"version": 5, "percent": 20}
    release("shadow", "sentiment", "--stop")
    assert part(file) == {"stable": 3}
    assert "has no shadow" in release.refused("shadow", "sentiment", "--stop")
    assert "and not both" in release.refused("shadow", "sentiment")
    assert "and not both" in release.refused("shadow", "sentiment", 4, "--stop")


def test_what_becomes_stable_is_no_shadow_any_more(release: Command, file: Path) -> None:
    for command in (["promote"], ["promote", "rollback"]):
        shadow = 4 if len(command) == 1 else 3
        file.write_text(
            "[models.sentiment]\nstable = 3\n"
            "[models.sentiment.candidate]\nversion = 4\npercent = 5\n"
        )
        for each in command:
            if each == command[-1]:
                release("shadow", "sentiment", shadow)
            release(each, "sentiment")
        assert "shadow" not in part(file)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (version(9, "END", error="DATA_LOSS: no graph"), "is END: DATA_LOSS: no graph"),
        (version(9, "END"), "has unloaded it"),
        (version(9, "UNLOADING"), "has unloaded it"),
        (version(9, unready="it gives NaN"), "cannot answer: it gives NaN"),
        (version(8), "has no version 9 of sentiment: there are 3, 4, 5, 8"),
    ],
)
def test_a_version_that_cannot_take_a_share_gets_none(
    release: Command, gateway: StandIn, state: dict[str, Any], reason: str
) -> None:
    gateway.versions["sentiment"].append(state)

    for command in (["start", "--percent=5"], ["shadow"]):
        name, *options = command
        assert reason in release.refused(name, "sentiment", 9, "--stable=3", *options)
    assert reason in release.refused("start", "sentiment", 4, "--stable=9", "--percent=5")


def test_a_candidate_that_has_gone_is_not_promoted(
    release: Command, file: Path, gateway: StandIn
) -> None:
    release("start", "sentiment", 4, "--percent=5", "--stable=3")
    gateway.versions["sentiment"] = [version(3)]

    assert "has no version 4" in release.refused("promote", "sentiment")


def test_a_candidate_that_the_guard_took_back_is_not_promoted(
    release: Command, file: Path, gateway: StandIn
) -> None:
    release("start", "sentiment", 4, "--percent=5", "--stable=3")
    gateway.taken_back = "p99 of 900 ms, stable's is 20 ms"

    message = release.refused("promote", "sentiment")

    assert "p99 of 900 ms" in message
    assert "tfgate release rollback sentiment" in message
    assert "taken back: p99 of 900 ms" in release("status").stdout
    assert "taken back" in release("start", "sentiment", 4, "--percent=2").stdout


def test_a_version_that_is_still_loading_gets_its_share_later(
    release: Command, file: Path, gateway: StandIn
) -> None:
    gateway.versions["sentiment"].append(version(6, "LOADING"))

    told = release("start", "sentiment", 6, "--percent=5", "--stable=3").stdout

    assert "version 6 of sentiment is LOADING: its share begins when it is ready" in told
    assert part(file)["candidate"]["version"] == 6


def test_a_misspelt_model_is_told_with_the_nearest(release: Command) -> None:
    message = release.refused("start", "sentimant", 4, "--percent=5", exit_code=1)

    assert "there is no model 'sentimant'" in message
    assert "Is it sentiment?" in message


def test_without_a_gateway_nothing_is_given_a_share_unless_that_is_wanted(
    release: Command, file: Path, gateway: StandIn
) -> None:
    gateway.is_away = True

    message = release.refused("start", "sentiment", 4, "--percent=5", "--stable=3", exit_code=1)
    assert "Connection refused" in message
    assert "--offline" in message

    asked = len(gateway.asked)
    assert "--stable" in release.refused("start", "sentiment", 4, "--percent=5", "--offline")
    release("start", "sentiment", 4, "--percent=5", "--stable=3", "--offline")
    release("promote", "sentiment", "--offline")
    assert part(file) == {"stable": 4, "previous": 3}
    assert len(gateway.asked) == asked


def test_a_gateway_that_does_not_follow_is_told(
    release: Command, file: Path, gateway: StandIn
) -> None:
    gateway.follows = False

    result = release("start", "sentiment", 4, "--percent=5", "--stable=3", exit_code=1)

    assert "the file is written, but the gateway" in result.stderr
    assert "TFGATE_RELEASES" in result.stderr
    assert part(file)["candidate"]["version"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["start", "sentiment", 4], "say who is to get it"),
        (["start", "sentiment", 4, "--percent=5", "--steps=1%/1m"], "not both"),
        (["start", "sentiment", 4, "--steps=1%"], "'1%' is no step"),
        (["start", "sentiment", 4, "--steps=1%/10m,"], "'' is no step"),
        (["start", "sentiment", 4, "--steps=101%/10m"], "at most 100%"),
        (["start", "sentiment", 4, "--steps=10%/10m,5%/1h"], "a share grows"),
        (["start", "sentiment", 4, "--cohort=nobody"], "there is no cohort 'nobody'"),
        (["start", "sentiment", 3, "--percent=5"], "version 3 of sentiment is the stable one"),
        (["start", "sentiment", 4, "--percent=5", "--stable=4"], "says that version 3"),
        (["shadow", "sentiment", 3], "version 3 of sentiment is the stable one"),
        (["promote", "sentiment"], "has no candidate to promote"),
        (["promote", "housing"], "says nothing of housing"),
        (["rollback", "housing"], "says nothing of housing"),
        (["shadow", "housing", "--stop"], "says nothing of housing"),
    ],
)
def test_what_does_not_go_with_the_file_is_refused(
    release: Command, file: Path, arguments: list[object], message: str
) -> None:
    file.write_text("[models.sentiment]\nstable = 3\n")

    assert message in release.refused(*arguments)


@pytest.mark.parametrize("share", ["101", "-1", "nan", "many", "5%"])
def test_a_share_is_a_number_of_percent(release: Command, file: Path, share: str) -> None:
    for command in ("start", "shadow"):
        result = release.raw(command, "sentiment", 4, f"--percent={share}")
        assert result.exit_code == 2
        assert "Invalid value for '--percent'" in result.stderr
    assert not file.exists()


def test_another_candidate_waits_for_the_end_of_the_first(release: Command) -> None:
    release("start", "sentiment", 4, "--percent=5", "--stable=3")

    message = release.refused("start", "sentiment", 5, "--percent=5")

    assert "version 4 of sentiment is the candidate" in message
    assert "tfgate release rollback sentiment" in message


def test_status_shows_what_the_file_wants_and_what_the_gateway_does(
    release: Command, file: Path, gateway: StandIn
) -> None:
    assert "there are no releases" in release("status").stdout
    steps = "--steps=1%/10m,10%/30m,50%/1h"
    release("start", "sentiment", 4, steps, "--stable=3")
    gateway.versions["sentiment"].append(version(6, unready="it gives NaN"))
    release("shadow", "sentiment", 5)

    told = " ".join(release("status").stdout.split())

    assert "│ stable │ 3 │ │ AVAILABLE" in told
    assert "│ candidate │ 4 │ 1 % now until 20" in told
    assert "1 % for 10m, 10 % for 30m, 50 % for 1h" in told
    assert "│ running" in told
    assert "│ guard │ │ errors 0.01, p99_ratio 1.5, drift 0.25" in told
    assert "│ shadow │ 5 │ 100 %" in told

    gateway.is_away = True
    told = " ".join(release("status").stdout.split())
    assert "as the file has it alone: no gateway answers" in told
    assert "│ candidate │ 4 │ 1 % now" in told


def test_every_file_that_is_written_can_be_read(release: Command, file: Path) -> None:
    for arguments in (
        ["start", "sentiment", 4, "--percent=5", "--stable=3"],
        ["start", "sentiment", 4, "--percent=0.5"],
        ["shadow", "sentiment", 5],
        ["start", "sentiment", 4, "--percent=100", "--by=request-id"],
        ["promote", "sentiment"],
        ["start", "sentiment", 3, "--steps=1%/10m"],
        ["rollback", "sentiment"],
        ["rollback", "sentiment"],
    ):
        release(*arguments)
        assert "sentiment" in read_releases(file, models=["sentiment"]).models
    assert part(file) == {"stable": 3, "shadow": {"version": 5}}


def test_what_a_release_waits_for_is_told(release: Command, gateway: StandIn) -> None:
    gateway.hindrance = "of sentiment's versions the model server keeps the newest 2"

    told = release("start", "sentiment", 4, "--percent=5", "--stable=3").stdout

    assert "follows: waiting: of sentiment's versions the model server keeps" in told
    assert "version 4 gets 0 % now" in told
    assert "waiting: of sentiment's versions" in release("status").stdout


def test_it_is_waited_until_the_gateway_has_read_the_file(
    release: Command, gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks each half second, and has both versions at once; here after three questions."""
    monkeypatch.setattr("tfgate.release.following.FOLLOW_SECONDS", 30)
    gateway.follows = False
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        gateway.follows = len(slept) >= 2
        gateway.hindrance = None if len(slept) >= 3 else "it has just been read"

    monkeypatch.setattr("tfgate.release.following.time.sleep", sleep)

    told = release("start", "sentiment", 4, "--percent=5", "--stable=3").stdout

    assert "follows: running" in told
    assert len(slept) == 3


def test_a_gateway_that_has_the_same_candidate_from_before_does_not_follow_yet(
    release: Command, file: Path, gateway: StandIn
) -> None:
    """A release that starts anew is another one, though its versions are the same."""
    release("start", "sentiment", 4, "--percent=5", "--stable=3")
    old = file.parent / "old.toml"
    old.write_text(file.read_text().replace("started = 202", "started = 201"))
    gateway.file = old

    result = release("start", "sentiment", 4, "--percent=10", exit_code=1)

    assert "does not follow" in result.stderr
