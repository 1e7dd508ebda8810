"""Where answers are, as memory knows it: the newest first, and keys with the same hash."""

import pytest

from serving.gateway.feedback.places import Places


class Key:
    """A key whose hash another has as well."""

    def __hash__(self) -> int:
        return 7


@pytest.mark.parametrize("num_at_once", [1, 3, 100])
def test_the_newest_place_comes_first_however_they_were_added(num_at_once: int) -> None:
    places = Places()
    for start in range(0, 300, num_at_once):
        added = range(start, min(start + num_at_once, 300))
        places.add((f"key {place % 7}" for place in added), added)
        places.settle(0)

    for name in range(7):
        expected = [place for place in range(300) if place % 7 == name]
        assert list(places.newest(f"key {name}")) == expected[::-1]
    assert list(places.newest("key 7")) == []


def test_keys_with_the_same_hash_are_both_there() -> None:
    places = Places()
    places.add([Key(), Key()], [1, 2])
    places.settle(0)

    assert list(places.newest(Key())) == [2, 1]


def test_old_places_do_not_stay_in_memory() -> None:
    places = Places()
    for place in range(1_000):
        places.add([place], [place])
        places.settle(place - 10)

    known = [place for key in range(1_000) for place in places.newest(key)]
    assert set(range(990, 1_000)) <= set(known)
    assert len(known) < 50
