"""How many users each shape asks for, at every moment of a run of a hundred seconds."""

import time
from argparse import Namespace
from collections.abc import Callable
from itertools import pairwise
from typing import get_args

import pytest

from tfgate.cli import LoadShape

SECONDS = 100
USERS = 200
SPAWN_RATE = 20.0

# The number of users and how many may come in a second; None when the run is over.
Tick = tuple[int, float] | None


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, float], Tick]:
    """Ask a shape what is to be, so many seconds after its start."""
    # Otherwise locust would change how this whole process waits.
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    from locust.env import Environment  # noqa: PLC0415

    from tfgate.loadtest.users.shapes import Shape  # noqa: PLC0415

    def ask(name: str, seconds: float) -> Tick:
        options = Namespace(
            shape=name, num_users=USERS, spawn_rate=SPAWN_RATE, run_time=SECONDS, headless=True
        )
        shape = Shape()
        Environment(shape_class=shape, parsed_options=options).create_local_runner()
        shape.start_time = time.perf_counter() - seconds
        return shape.tick()

    return ask


def users_at(tick: Callable[[str, float], Tick], shape: str, *seconds: float) -> list[int]:
    return [asked[0] for second in seconds if (asked := tick(shape, second)) is not None]


def test_steady_has_all_users_at_all_times_and_lets_them_come_slowly(
    tick: Callable[[str, float], Tick],
) -> None:
    assert {tick("steady", second) for second in (0, 50, 99)} == {(USERS, SPAWN_RATE)}


def test_a_ramp_rises_evenly_from_one_user_to_all(tick: Callable[[str, float], Tick]) -> None:
    users = users_at(tick, "ramp", *range(SECONDS))

    assert users[0] == 1
    assert users[50] == USERS / 2
    assert users[-1] == 198
    assert all(earlier < later for earlier, later in pairwise(users))


def test_a_spike_has_all_users_in_the_middle_fifth_and_a_tenth_otherwise(
    tick: Callable[[str, float], Tick],
) -> None:
    assert users_at(tick, "spike", 0, 39, 60.5, 99) == [20, 20, 20, 20]
    assert users_at(tick, "spike", 40, 50, 59) == [USERS, USERS, USERS]


def test_a_spike_comes_at_once(tick: Callable[[str, float], Tick]) -> None:
    assert tick("spike", 40) == (USERS, USERS)


def test_a_soak_rises_holds_and_falls(tick: Callable[[str, float], Tick]) -> None:
    assert users_at(tick, "soak", 5, 10, 50, 89, 95) == pytest.approx([100, 200, 200, 200, 100])


@pytest.mark.parametrize("shape", get_args(LoadShape))
def test_every_shape_ends_with_the_run_and_never_has_nobody(
    tick: Callable[[str, float], Tick], shape: str
) -> None:
    assert min(users_at(tick, shape, *range(SECONDS))) >= 1
    assert tick(shape, SECONDS) is None
