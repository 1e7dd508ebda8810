"""Who goes to the candidate: the shares that come of it, and that they keep their members."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.gateway.releases.release import Candidate, Cohort
from serving.gateway.releases.split import Split, position
from serving.gateway.telemetry.request_context import RequestContext

MILLION = 1_000_000
NOBODY: Mapping[str, Any] = MappingProxyType({})


def asks(
    request_id: str = "r", *, key: str | None = None, headers: Mapping[str, str] = NOBODY
) -> RequestContext:
    sent = {name.lower().encode(): value.encode() for name, value in headers.items()}
    return RequestContext(request_id, "POST", "/predict/housing", sent, "housing", key=key)


def split(percent: float = 0, **candidate: Any) -> Split:
    cohorts = candidate.pop("known", NOBODY)
    found = Split("housing", Candidate(version=4, percent=percent, **candidate), cohorts)
    found.share = percent / 100
    return found


def positions() -> Iterator[float]:
    # Ids as the gateway makes them, always the same ones.
    drawn = np.random.default_rng(1).bytes(16 * MILLION)
    ids = (drawn[start : start + 16].hex() for start in range(0, 16 * MILLION, 16))
    return (position(b"housing:4:", each.encode()) for each in ids)


def test_of_a_million_requests_each_share_is_met_within_a_tenth_of_a_point() -> None:
    shares = [0.1, 1, 5, 10, 25, 50, 99]
    found = np.fromiter(positions(), float, MILLION)

    for percent in shares:
        assert 100 * np.mean(found < percent / 100) == pytest.approx(percent, abs=0.1)


def test_ids_that_only_count_up_are_spread_as_evenly() -> None:
    inside = sum(position(b"housing:4:", b"%d" % number) < 0.05 for number in range(100_000))

    assert 100 * inside / 100_000 == pytest.approx(5, abs=0.3)


@given(st.text(max_size=40), st.floats(0, 100), st.floats(0, 100))
def test_who_is_among_few_is_among_more(key: str, one: float, other: float) -> None:
    few, many = sorted((one, other))
    request = asks(headers={"X-Release-Key": key})

    assert split(many).takes(request) or not split(few).takes(request)


@given(st.text(min_size=1, max_size=40), st.integers(0, 9))
def test_a_caller_stays_on_a_side_whatever_the_request(key: str, number: int) -> None:
    first, later = (asks(f"request-{each}", headers={"X-Release-Key": key}) for each in (0, number))

    assert split(30).takes(first) == split(30).takes(later)


@pytest.mark.parametrize("percent", [0, 100])
def test_none_is_nobody_and_all_is_everybody(percent: int) -> None:
    taken = [split(percent).takes(asks(f"request-{number}")) for number in range(1000)]

    assert set(taken) == {percent == 100}


def test_another_candidate_is_tried_on_others() -> None:
    requests = [asks(f"request-{number}") for number in range(2000)]
    other = Split("housing", Candidate(version=5, percent=10), NOBODY)
    other.share = 0.1
    both = sum(split(10).takes(request) and other.takes(request) for request in requests)

    assert both < 60  # about 20, if they have nothing to do with one another


def test_what_is_stated_decides() -> None:
    by_key, by_id = split(50, by="api-key"), split(50, by="request-id")
    of_alice = [asks(f"request-{number}", key="alice") for number in range(64)]
    with_release_key = [
        asks(f"request-{number}", headers={"X-Release-Key": "house-17"}) for number in range(64)
    ]

    assert len({by_key.takes(request) for request in of_alice}) == 1
    assert len({by_id.takes(request) for request in of_alice}) == 2
    assert len({by_id.takes(request) for request in with_release_key}) == 2
    assert len({split(50).takes(request) for request in with_release_key}) == 1


def test_without_what_is_stated_the_request_id_decides() -> None:
    for by in ("api-key", "release-key"):
        taken = [split(50, by=by).takes(asks(f"request-{number}")) for number in range(64)]

        assert taken == [
            split(50, by="request-id").takes(asks(f"request-{number}")) for number in range(64)
        ]


def test_those_who_are_named_go_to_the_candidate_whatever_its_share() -> None:
    known = {"beta": Cohort(keys=("bob",), headers={"X-Beta": ("yes", "1")})}
    named = split(0, keys=("alice",), headers={"X-Tester": ("on",)}, cohorts=("beta",), known=known)

    assert named.takes(asks(key="alice"))
    assert named.takes(asks(key="bob"))
    assert named.takes(asks(headers={"x-tester": "on"}))
    assert named.takes(asks(headers={"X-BETA": "1"}))
    assert not named.takes(asks(key="eve"))
    assert not named.takes(asks(headers={"X-Beta": "no"}))
    assert not named.takes(asks())
