"""However a head is cut, the parser sees all of it, and no offer of another protocol."""

from serving.gateway.server.upgrades import Offers

OFFER = b"POST / HTTP/1.1\r\nHost: x\r\nuPgrade: h2c\r\nx: y\r\n\r\n"
RENAMED = OFFER.replace(b"uPgrade", b"x-upgrade")
BODY = b"body\r\nUpgrade: no\r\nUp"


def seen(*pieces: bytes) -> bytes:
    offers = Offers()
    return b"".join(offers.without(piece) for piece in pieces)


def test_it_is_renamed_wherever_its_head_is_cut() -> None:
    for first in range(len(OFFER)):
        for second in range(first, len(OFFER)):
            pieces = OFFER[:first], OFFER[first:second], OFFER[second:] + BODY
            assert seen(*pieces) == RENAMED + BODY, pieces


def test_it_is_renamed_when_each_byte_comes_alone() -> None:
    assert seen(*(OFFER[start : start + 1] for start in range(len(OFFER)))) == RENAMED


def test_nothing_is_held_back_that_is_no_part_of_it() -> None:
    for end in (b"", b"\r\nUpper", b"\r\nupgrades", b"\r\nx-upgrade", b" upgrade", b"Upg"):
        begun = b"GET / HTTP/1.1\r\nHost: x" + end
        assert seen(begun) == begun
    assert seen(OFFER + BODY) == RENAMED + BODY
