"""Which server a gateway calls next: gRPC's ways, and two that it does not have."""

from collections.abc import Callable
from random import Random

from bench.capacity.server import Server

# From the servers that a gateway knows to the one that it calls.
Pick = Callable[[list[Server]], Server]
Balancing = Callable[[Random], Pick]


def round_robin(random: Random) -> Pick:
    """Call one after the other, beginning anywhere: gRPC's, and the shipped one."""
    turn = random.randrange(1 << 30)

    def pick(servers: list[Server]) -> Server:
        nonlocal turn
        turn += 1
        return servers[turn % len(servers)]

    return pick


def pick_first(random: Random) -> Pick:
    """Stay with one, which is drawn."""
    drawn = random.randrange(1 << 30)
    return lambda servers: servers[drawn % len(servers)]


def at_random(random: Random) -> Pick:
    """Draw each time."""
    return random.choice


def better_of_two(random: Random) -> Pick:
    """Draw two, and call the one with fewer calls inside.

    It is told what all gateways have sent there, as a proxy between them and the servers would
    know; a gateway by itself knows its own calls, which are two.

    Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001.
    """

    def pick(servers: list[Server]) -> Server:
        one, other = random.choice(servers), random.choice(servers)
        return one if len(one.inside) <= len(other.inside) else other

    return pick


def subsets(num_servers: int, num_gateways: int, size: int, random: Random) -> list[list[int]]:
    """Give each gateway its servers, such that every server has as many gateways, or one more.

    Source: "Site Reliability Engineering", O'Reilly 2016, chapter 20: deterministic subsetting,
    here with the last servers of a round going on into the next one.
    """
    dealt: list[list[int]] = []
    deck: list[int] = []
    for _ in range(num_gateways):
        hand: list[int] = []
        while len(hand) < min(size, num_servers):
            if not deck:
                deck = random.sample(range(num_servers), num_servers)
            # A server that is in the hand already goes to the next one.
            card = next((each for each in deck if each not in hand), None)
            if card is None:
                deck += random.sample(range(num_servers), num_servers)
                continue
            deck.remove(card)
            hand.append(card)
        dealt.append(hand)
    return dealt
