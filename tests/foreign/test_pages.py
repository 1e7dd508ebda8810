"""What docs/clients.md and docs/migrating.md show runs as it stands, and prints what they show."""

import json
from collections.abc import Iterator

import pytest

from tests import stack
from tests.compare import assert_same
from tests.foreign.gateway import Addresses, gateway_over
from tests.foreign.pages import CLIENTS, NUMBER, Program, programs
from tests.stack import ROOT

PAGES = [ROOT / "docs/clients.md", ROOT / "docs/migrating.md"]
PROGRAMS = [each for page in PAGES for each in programs(page)]


@pytest.fixture(scope="module")
def shipped(model_server: str) -> Iterator[Addresses]:
    """A gateway over the shipped models, with both of its ports."""
    with gateway_over(model_server) as addresses:
        stack.wait_until_ready(addresses.url)
        yield addresses


@pytest.mark.parametrize("program", [pytest.param(each, marks=each.mark) for each in PROGRAMS])
def test_it_prints_what_is_shown(program: Program, shipped: Addresses) -> None:
    printed = program.run(shipped.url.removeprefix("http://"), shipped.grpc)

    if program.shown is None:
        return
    if program.shown.startswith("{"):
        assert_same(json.loads(printed), json.loads(program.shown), tolerance=1e-3)
        return
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", program.shown)
    numbers, shown = (
        [float(each) for each in NUMBER.findall(text)] for text in (printed, program.shown)
    )
    assert numbers == pytest.approx(shown, rel=1e-3, abs=1e-3)


def test_there_is_a_program_of_every_client_and_most_show_their_output() -> None:
    used = {each.client for each in PROGRAMS}
    assert used == {None, *CLIENTS.values()}
    assert sum(each.shown is not None for each in PROGRAMS) >= len(PROGRAMS) - 1
