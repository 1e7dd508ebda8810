"""Which hosts are this machine, in all the forms in which people write them."""

import pytest

from serving.loopback import is_this_machine


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "tfgate.localhost"),
        *("127.0.0.1", "127.9.9.9", "127.1", "0.0.0.0"),  # noqa: S104  # nothing listens
        *("::1", "[::1]", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::"),
    ],
)
def test_this_machine(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "model-server",
        "localhost.example",
        "127.0.0.1.example",
        "10.0.0.1",
        "2001:db8::1",
        "a..b",
    ],
)
def test_another_machine(host: str) -> None:
    assert not is_this_machine(host)
