"""Releases under load, on two gateways at once: none of the answers fails, or is another's."""

import shutil
import time
from pathlib import Path

import httpx
import pytest

from soak.clients import Outcome
from soak.known_answers import KnownAnswers
from soak.versions import publish_version, write_version
from tests import stack
from tests.e2e import bad_versions
from tests.e2e.releasing import HOUSES, Gateways, asked, gateways
from tests.e2e.under_load import asking, errors
from tests.programs import needs

pytestmark = needs("nginx", package="nginx-light")
PINNED = asked(HOUSES, "?version=2")
ROLLBACK_SECONDS = 2


def test_versions_are_tried_promoted_and_taken_back_under_load(tmp_path: Path) -> None:
    """Three times: 5 %, 50 %, promoted, and back; pinned requests go on as if nothing was."""
    known = KnownAnswers([*HOUSES, *PINNED])
    repository = repository_of_one(tmp_path)
    known.learn("housing", 1, repository / "housing/1")
    draft = write_version("housing", 2, repository / "housing")
    known.learn("housing", 2, draft)
    publish_version(draft)

    with gateways(repository, tmp_path, publish_without_traffic="true") as both:
        wait_for_versions(both, {1, 2})
        with asking(both.url, HOUSES) as outcomes, asking(both.url, PINNED) as pinned:
            for _ in range(3):
                both.release("start", "housing", "2", "--percent", "5")
                wait_for_share(both, 5)
                wait_for_answers(outcomes, 2)
                both.release("start", "housing", "2", "--percent", "50")
                wait_for_share(both, 50)
                wait_for_answers(outcomes, 1)
                both.release("promote", "housing")
                assert only(outcomes, 2)
                both.release("rollback", "housing")
                assert only(outcomes, 1)

    heard = [*outcomes, *pinned]
    assert errors(heard) == []
    assert [each for each in heard if not known.is_right(each)] == []
    assert {each.document["version"] for each in pinned} == {2}


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        pytest.param(bad_versions.without_numbers, "errors", id="nan"),
        pytest.param(bad_versions.failing_at_times, "errors", id="fails-at-times"),
        pytest.param(bad_versions.asleep, "p99_ratio", id="slow"),
        pytest.param(bad_versions.guessing, "disagreement", id="guesses"),
    ],
)
def test_a_bad_candidate_is_taken_back(
    tmp_path: Path, spoil: bad_versions.Spoil, rule: str
) -> None:
    repository = repository_of_one(tmp_path)
    bad_versions.write_spoiled(2, repository / "housing", spoil)

    with gateways(repository, tmp_path, publish_without_traffic="true") as both:
        wait_for_versions(both, {1, 2})
        with asking(both.url, HOUSES) as outcomes:
            both.releases.write_text(GUARDED)
            stack.wait_until(
                lambda: all(both.told(each)["state"] == "taken back" for each in (0, 1)),
                "the guards of both gateways",
            )
            assert only(outcomes, 1)
            reason = both.told()["reason"]

    assert reason.startswith(rule)
    # What the candidate could not answer, the stable version did.
    assert errors(outcomes) == []
    assert both.releases.read_text() == GUARDED


GUARDED = """
[models.housing]
stable = 1

[models.housing.candidate]
version = 2
percent = 50
compare = 100
started = 2026-01-01T00:00:00Z

[models.housing.guard]
window = "2m"
least_requests = 50
errors = 0.005
p99_ratio = 3
disagreement = 0.2
"""


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
    versions = httpx.get(f"{url}/models/housing", timeout=30).json()["versions"]
    return {
        each["version"]
        for each in versions
        if each["state"] == "AVAILABLE" and each["unready"] is None
    }


def wait_for_share(both: Gateways, percent: float) -> None:
    stack.wait_until(
        lambda: all(
            both.told(each)["candidate"]["percent"] == percent
            and both.told(each)["state"] == "running"
            for each in (0, 1)
        ),
        f"a share of {percent} %",
    )


def wait_for_answers(outcomes: list[Outcome], version: int) -> None:
    since = len(outcomes)
    stack.wait_until(
        lambda: any(each.document.get("version") == version for each in outcomes[since:]),
        f"an answer of version {version}",
    )


def only(outcomes: list[Outcome], version: int) -> bool:
    """Tell whether all that is asked from soon on is answered by one version."""
    soon = time.monotonic() + ROLLBACK_SECONDS
    stack.wait_until(lambda: outcomes[-1].started > soon + 1, "a second of later requests")
    later = [each for each in list(outcomes) if each.started > soon]
    return {each.document.get("version") for each in later} == {version}
