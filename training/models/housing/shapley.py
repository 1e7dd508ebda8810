"""What each player of a game contributes, exactly; knows no house.

Source: L. Shapley, "A Value for n-Person Games", 1953. A game is given by what every coalition
wins: coalition number c has player p if bit p of c is set.
"""

from math import factorial

import numpy as np
from numpy.typing import NDArray


def coalitions(num_players: int) -> NDArray[np.bool_]:
    """Tell who is in each coalition: bool[2**player, player]."""
    numbers = np.arange(2**num_players)[:, None]
    return (numbers >> np.arange(num_players) & 1).astype(bool)


def shapley_weights(num_players: int) -> NDArray[np.float64]:
    """Give float[2**player, player], by which what the coalitions win becomes contributions.

    They add up to what all win together, less what nobody wins.
    """
    members = coalitions(num_players)
    size = members.sum(axis=1, keepdims=True)  # [coalition, 1]
    # Of the orders in which players may come, the share in which just these come before a player.
    share = np.array(
        [
            factorial(before) * factorial(num_players - before - 1) / factorial(num_players)
            for before in range(num_players)
        ]
    )
    with_player = share[np.maximum(size - 1, 0)]  # [coalition, 1]
    without_player = share[np.minimum(size, num_players - 1)]
    weights: NDArray[np.float64] = np.where(members, with_player, -without_player)
    return weights
