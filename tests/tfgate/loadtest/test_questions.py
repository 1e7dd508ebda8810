"""What the users ask is what people ask: as long, as large, and such as the models know."""

import io
import random
import statistics

import pytest
from PIL import Image

from tfgate.loadtest.users.houses import ROOMS, house
from tfgate.loadtest.users.pictures import PICTURES, SMALL_PICTURES, picture
from tfgate.loadtest.users.reviews import NUM_WORDS, review


@pytest.fixture
def source() -> random.Random:
    return random.Random(0)  # noqa: S311  # no secret depends on it


def test_reviews_are_as_long_as_real_ones(source: random.Random) -> None:
    lengths = sorted(len(review(source).replace("<br />", " ").split()) for _ in range(5000))

    for percent in (10, 25, 50, 75, 90, 95):
        assert abs(lengths[50 * percent] / NUM_WORDS[percent] - 1) < 0.1
    assert abs(statistics.mean(lengths) - 231) < 12  # the mean of the real ones


def test_houses_have_as_many_rooms_as_real_ones(source: random.Random) -> None:
    rooms = sorted(float(house(source)["total_rooms"] or 0) for _ in range(5000))

    assert abs(rooms[2500] / ROOMS[50] - 1) < 0.1
    assert rooms[0] >= ROOMS[1]
    assert rooms[-1] <= ROOMS[99]


def test_pictures_range_from_an_icon_to_a_telephones_photograph() -> None:
    sizes = [Image.open(io.BytesIO(each.content)).size for each in PICTURES]

    assert sizes[0] == (32, 32)
    assert sizes[-1] == (4032, 3024)
    assert 1_000_000 < len(PICTURES[-1].content) < 5_000_000


def test_pictures_are_picked_as_often_as_their_weights_say(source: random.Random) -> None:
    picked = [picture(source) for _ in range(5000)]

    total = sum(each.weight for each in PICTURES)
    for each in PICTURES:
        assert abs(picked.count(each) / len(picked) - each.weight / total) < 0.02


def test_batches_of_small_pictures_stay_below_the_largest_body() -> None:
    assert 16 * max(len(each.base64) for each in SMALL_PICTURES) < 32_000_000
