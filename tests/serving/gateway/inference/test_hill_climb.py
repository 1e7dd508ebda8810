"""The search finds the summit, stays there, and begins again when the world changes."""

import random
from collections.abc import Callable

import pytest

from serving.gateway.inference.hill_climb import HillClimb

SETTINGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
Pays = Callable[[int], float]


def peak(at: int) -> Pays:
    """Pay in proportion up to a setting, and in inverse proportion from there on."""
    return lambda setting: min(setting / at, at / setting)


def search(climb: HillClimb, pays: Pays, num_windows: int, *, most: int = 1000) -> list[int]:
    used = []
    for _ in range(num_windows):
        used.append(climb.setting)
        climb.observe(pays(climb.setting), most=most)
    return used


@pytest.mark.parametrize("summit", SETTINGS)
@pytest.mark.parametrize("start", [0, 1, len(SETTINGS) - 1])
def test_it_finds_the_summit_and_stays_there(summit: int, start: int) -> None:
    climb = HillClimb(SETTINGS, start)
    search(climb, peak(summit), 60)

    used = search(climb, peak(summit), 100)

    assert used.count(summit) >= 85


def test_noise_does_not_lead_it_far_astray() -> None:
    climb, chance = HillClimb(SETTINGS, 1), random.Random(1)  # noqa: S311  # no secret

    used = search(climb, lambda setting: peak(16)(setting) * chance.uniform(0.9, 1.1), 300)[60:]

    assert sum(12 <= setting <= 24 for setting in used) >= 0.95 * len(used)


def test_when_what_is_used_pays_much_more_or_less_it_searches_at_once() -> None:
    climb = HillClimb(SETTINGS, 1)
    search(climb, peak(2), 100)
    search(climb, lambda setting: 10 * peak(32)(setting), 24)
    assert climb.setting >= 24

    search(climb, peak(2), 100)
    assert climb.setting == 2


def test_what_rises_by_itself_is_no_gain() -> None:
    """A backlog that drains makes every next window better than the last one."""
    climb, risen = HillClimb(SETTINGS, 8), 1.0

    def pays(_setting: int) -> float:
        nonlocal risen
        risen *= 1.1
        return risen

    assert set(search(climb, pays, 40)) <= {16, 24, 32}


def test_downward_it_goes_step_by_step() -> None:
    used = search(HillClimb(SETTINGS, 11), peak(1), 60)

    lowest = [setting for at, setting in enumerate(used) if setting < min(used[:at], default=1000)]
    assert lowest == sorted(SETTINGS, reverse=True)


def test_settings_that_would_change_nothing_are_not_tried() -> None:
    used = search(HillClimb(SETTINGS, 11), lambda _setting: 1.0, 50, most=8)

    assert max(used[2:]) <= 8


def test_it_falls_far_back_when_what_is_used_does_harm() -> None:
    climb = HillClimb(SETTINGS, 9)
    climb.fall_back()
    assert climb.setting == 8

    for _ in range(5):
        climb.fall_back()
    assert climb.setting == 1
    assert search(climb, lambda _setting: 1.0, 10) == [1] * 10, "it does not come back at once"
