"""Messages of gRPC with bytes changed, asked beside a good one."""

import asyncio

import grpc
from hypothesis import strategies as st

from tests.in_process import Gateway

_MUTATIONS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4)


def damaged(good: bytes) -> st.SearchStrategy[bytes]:
    """Any few bytes, or a good message of which some are others."""
    return st.one_of(st.binary(max_size=60), _MUTATIONS.map(lambda each: _mutated(good, each)))


def check_beside_a_neighbour(
    gateway: Gateway, bad: tuple[str, bytes], good: tuple[str, bytes]
) -> grpc.StatusCode:
    """Ask both at the same time: the good one is answered; return how the other ends."""

    async def ask_both() -> tuple[grpc.StatusCode, str, grpc.StatusCode]:
        first, second = await asyncio.gather(gateway.calling(*bad), gateway.calling(*good))
        return first.code, first.details, second.code

    code, details, neighbour = gateway.run(ask_both())
    assert neighbour is grpc.StatusCode.OK
    assert code is grpc.StatusCode.OK or details
    return code


def _mutated(content: bytes, mutations: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for position, byte in mutations:
        changed[position % len(changed)] = byte
    return bytes(changed)
