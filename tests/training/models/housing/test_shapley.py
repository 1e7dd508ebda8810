"""What a player contributes is the mean, over all orders, of what is won when the player comes."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.models.housing.shapley import coalitions, shapley_weights

NUM_PLAYERS = 4
MEMBERS = coalitions(NUM_PLAYERS)  # [coalition, player]
ANY_GAME = np.random.default_rng(0).normal(size=len(MEMBERS))


def by_all_orders(game: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let the players come in each order, as the definition says."""
    orders = list(permutations(range(NUM_PLAYERS)))
    contributed = np.zeros(NUM_PLAYERS)
    for order in orders:
        present = 0
        for player in order:
            contributed[player] += game[present | 1 << player] - game[present]
            present |= 1 << player
    contributed /= len(orders)
    return contributed


def test_a_coalition_is_told_by_the_bits_of_its_number() -> None:
    assert coalitions(2).tolist() == [[False, False], [True, False], [False, True], [True, True]]


def test_they_are_what_all_orders_give() -> None:
    assert ANY_GAME @ shapley_weights(NUM_PLAYERS) == pytest.approx(by_all_orders(ANY_GAME))


@pytest.mark.parametrize("number", [1, 2, 7])
def test_they_add_up_to_what_all_win_less_what_nobody_wins(number: int) -> None:
    game = np.random.default_rng(1).normal(size=2**number)
    assert (game @ shapley_weights(number)).sum() == pytest.approx(game[-1] - game[0])


def test_who_changes_nothing_contributes_nothing() -> None:
    without_the_second = np.arange(len(MEMBERS)) & ~2
    contributions = ANY_GAME[without_the_second] @ shapley_weights(NUM_PLAYERS)
    assert contributions[1] == pytest.approx(0)
    assert np.abs(contributions[[0, 2, 3]]).min() > 0.01


def test_who_do_the_same_contribute_the_same() -> None:
    alike = MEMBERS[:, 1].astype(int) + MEMBERS[:, 3]
    game = alike**2 * (1.0 + MEMBERS[:, 0])
    contributions = game @ shapley_weights(NUM_PLAYERS)
    assert contributions[1] == pytest.approx(contributions[3])
    assert contributions[1] != pytest.approx(contributions[0])


def test_of_a_sum_each_contributes_its_own_part() -> None:
    parts = np.array([3.0, -2.0, 0.5, 7.0])
    assert MEMBERS @ parts @ shapley_weights(NUM_PLAYERS) == pytest.approx(parts)
