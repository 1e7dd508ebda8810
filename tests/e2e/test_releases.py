"""Releases under load, on two gateways at once: none of the answers fails, or is another's."""

import shutil
import time
from functools import partial
from itertools import chain
from pathlib import Path

import httpx
import pytest

from soak.clients import Clients, Outcome
from soak.known_answers import RELATIVE_TOLERANCE, KnownAnswers
from soak.versions import publish_version, write_version
from tests import stack
from tests.e2e import bad_versions
from tests.e2e.other_dialects import as_told, asking_otherwise
from tests.e2e.releasing import HOUSES, Gateways, asked, gateways
from tests.e2e.under_load import asking, errors
from tests.programs import needs

pytestmark = needs("nginx", package="nginx-light")
PINNED = asked(HOUSES, "?version=2")
ROLLBACK_SECONDS = 2


def test_versions_are_tried_promoted_and_taken_back_under_load(tmp_path: Path) -> None:
    """Three times: 5 %, 50 %, promoted, and back; pinned requests go on as if nothing was.

    All ways to ask go the same way: /predict, /v1, /v2, and both kinds of gRPC.
    """
    known = KnownAnswers([*HOUSES, *PINNED])
    repository = repository_of_one(tmp_path)
    known.learn("housing", 1, repository / "housing/1")
    draft = write_version("housing", 2, repository / "housing")
    known.learn("housing", 2, draft)
    publish_version(draft)

    with gateways(repository, tmp_path, publish_without_traffic="true") as both:
        wait_for_versions(both, {1, 2})
        with (
            asking(both.url, HOUSES, num_clients=1) as outcomes,
            asking(both.url, PINNED, num_clients=1) as pinned,
            asking_otherwise(both.url, both.grpc, HOUSES) as others,
        ):
            unpinned = [outcomes, *others.values()]
            for _ in range(3):
                both.release("start", "housing", "2", "--percent", "5")
                wait_for_share(both, 5)
                wait_for_answers(outcomes, 2)
                both.release("start", "housing", "2", "--percent", "50")
                wait_for_share(both, 50)
                for each in unpinned:
                    wait_for_answers(each, 1)
                    wait_for_answers(each, 2)
                both.release("promote", "housing")
                assert only(unpinned, 2)
                both.release("rollback", "housing")
                assert only(unpinned, 1)

    heard = [*outcomes, *pinned]
    assert errors([*heard, *chain(*others.values())]) == []
    assert [each for each in heard if not known.is_right(each)] == []
    assert {each.document["version"] for each in pinned} == {2}
    for dialect, told in others.items():
        assert [each for each in told if not is_right(known, each)] == [], dialect


def is_right(known: KnownAnswers, outcome: Outcome) -> bool:
    """Tell whether an answer in another dialect is that of the version which it names."""
    version, named, answer = (outcome.document[key] for key in ("version", "named", "answer"))
    [right] = known.to(outcome.question, version)
    return bool(
        named == version and answer == pytest.approx(as_told(right), rel=RELATIVE_TOLERANCE)
    )


# What goes wrong, by which rule it is found, and on what percentage: what sleeps holds up those who
# ask, and stable must have been seen often before anything is sure of its slowest hundredth.
BAD: list[tuple[bad_versions.Spoil, str, int]] = [
    (bad_versions.without_numbers, "errors", 50),
    (bad_versions.failing_at_times, "errors", 50),
    (bad_versions.asleep, "p99_ratio", 10),
    (bad_versions.guessing, "disagreement", 50),
]
NUM_CLIENTS = 8
REFUSED = 429


def test_what_is_worse_is_taken_back_and_nobody_hears_it_fail(tmp_path: Path) -> None:
    """One bad version after the other is tried on some of all callers."""
    repository = repository_of_one(tmp_path)
    versions = dict(enumerate(BAD, start=2))
    for version, (spoil, _, _) in versions.items():
        bad_versions.write_spoiled(version, repository / "housing", spoil)

    reasons, outcomes = {}, list[Outcome]()
    with gateways(repository, tmp_path, publish_without_traffic="true") as both:
        wait_for_versions(both, {1, *versions})
        with Clients(both.url, HOUSES, outcomes.append, num_clients=NUM_CLIENTS):
            for version, (_, _, percent) in versions.items():
                release = GUARDED.format(version=version, percent=percent)
                both.releases.write_text(release)
                stack.wait_until(
                    partial(is_taken_back, both, version),
                    f"the guards of both gateways, of version {version}",
                    seconds=WINDOW_SECONDS,
                )
                assert only([outcomes], 1)
                reasons[version] = told["reason"] if (told := both.told()) else ""

    assert {version: reason.partition(":")[0] for version, reason in reasons.items()} == {
        version: rule for version, (_, rule, _) in versions.items()
    }
    # What the candidate could not answer, the stable version did. One that sleeps, on a slow
    # machine, takes so many places that some are refused: that is no failure of a version.
    assert [each for each in errors(outcomes) if each.status != REFUSED] == []
    assert both.releases.read_text() == release


WINDOW_SECONDS = 240
GUARDED = """
[models.housing]
stable = 1

[models.housing.candidate]
version = {version}
percent = {percent}
compare = 100
started = 2026-01-01T00:00:00Z

[models.housing.guard]
window = "240s"
least_requests = 50
errors = 0.005
p99_ratio = 3
disagreement = 0.2
"""


def is_taken_back(both: Gateways, version: int) -> bool:
    """Tell whether both gateways have taken a candidate back."""
    return all(
        told is not None
        and told["state"] == "taken back"
        and told["candidate"]["version"] == version
        for told in map(both.told, (0, 1))
    )


def repository_of_one(scratch: Path) -> Path:
    """Make a repository of the housing model alone, to which versions can be added."""
    repository = scratch / "models"
    shutil.copytree(stack.shipped_version("housing"), repository / "housing/1")
    return repository


def wait_for_versions(both: Gateways, versions: set[int]) -> None:
    """Wait until both gateways have seen that versions answer."""
    stack.wait_until(
        lambda: all(ready_versions(url) >= versions for url in both.each), f"versions {versions}"
    )


def ready_versions(url: str) -> set[int]:
    told = httpx.get(f"{url}/models/housing", timeout=30)
    if told.status_code == REFUSED:  # too busy to say so
        return set()
    return {
        each["version"]
        for each in told.json()["versions"]
        if each["state"] == "AVAILABLE" and each["unready"] is None
    }


def wait_for_share(both: Gateways, percent: float) -> None:
    stack.wait_until(
        lambda: all(
            told is not None
            and told["state"] == "running"
            and told["candidate"]["percent"] == percent
            for told in map(both.told, (0, 1))
        ),
        f"a share of {percent} %",
    )


def wait_for_answers(outcomes: list[Outcome], version: int) -> None:
    since = len(outcomes)
    stack.wait_until(
        lambda: any(each.document.get("version") == version for each in outcomes[since:]),
        f"an answer of version {version}",
    )


def only(heard: list[list[Outcome]], version: int) -> bool:
    """Tell whether all that is asked from soon on is answered by one version."""
    soon = time.monotonic() + ROLLBACK_SECONDS
    for outcomes in heard:
        stack.wait_until(lambda: outcomes[-1].started > soon + 1, "a second of later requests")  # noqa: B023  # it is called at once
    later = [
        each
        for outcomes in heard
        for each in list(outcomes)
        if each.started > soon and each.status != REFUSED
    ]
    return {each.document.get("version") for each in later} == {version}
