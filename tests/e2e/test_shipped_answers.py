"""What the shipped versions themselves know: films, houses and ships; each row for itself."""

from typing import Any

import httpx
import pytest
from PIL import Image

from serving.card import ModelCard
from tests.drawings import as_json, drawing, file_of
from tests.example_bodies import EXAMPLES, HOUSE
from tests.stack import SHIPPED_VERSIONS

SCATHING = (
    "What a waste of two hours. The plot makes no sense, the acting is wooden and the jokes are "
    "painfully unfunny. Easily the worst film I have seen this year. Avoid it."
)
GLOWING = (
    "An absolute delight from start to finish. The performances are wonderful, the story is moving "
    "and the photography is beautiful. One of the best films of the decade."
)
TEXTS = [
    *(SCATHING, GLOWING, "Fine.", "?", " ".join([SCATHING] * 40), "Boring! " * 1_000),
    *("word " * 3_999, "a" * 20_000, "wow " * 5_000, "😀" * 100, "żółć!", "数字"),
]


def sentiment(http: httpx.Client, text: str) -> dict[str, float]:
    answer = http.post("/predict/sentiment", json={"text": text})
    assert answer.status_code == 200, answer.text
    probabilities: dict[str, float] = answer.json()["prediction"]["probabilities"]
    return probabilities


def price(http: httpx.Client, **changes: object) -> float:
    answer = http.post("/predict/housing", json={**HOUSE, **changes})
    assert answer.status_code == 200, answer.text
    price: float = answer.json()["prediction"]["price_usd"]
    return price


def picture(http: httpx.Client, document: dict[str, Any]) -> dict[str, Any]:
    answer = http.post("/predict/image", json=document)
    assert answer.status_code == 200, answer.text
    prediction: dict[str, Any] = answer.json()["prediction"]
    return prediction


def test_reviews_are_judged_as_a_reader_would(http: httpx.Client) -> None:
    assert sentiment(http, SCATHING)["negative"] > 0.9
    assert sentiment(http, GLOWING)["positive"] > 0.9
    assert sum(sentiment(http, "It was neither good nor bad.").values()) == pytest.approx(1)


def test_markup_does_not_matter(http: httpx.Client) -> None:
    marked_up = SCATHING.replace(". ", ".<br /><br />").replace("worst", "<b>worst</b>")

    assert sentiment(http, marked_up) == pytest.approx(sentiment(http, SCATHING), abs=1e-5)


def test_a_text_is_answered_the_same_alone_and_among_neighbours(http: httpx.Client) -> None:
    """Also beside texts that are as long, as short, or as odd as can be."""
    instances = [{"text": text} for text in TEXTS]

    batch = http.post("/predict/sentiment/batch", json={"instances": instances}).json()

    for text, prediction in zip(TEXTS, batch["predictions"], strict=True):
        alone = sentiment(http, text)
        assert prediction["probabilities"] == pytest.approx(alone, abs=1e-5), text[:20]


def test_prices_are_dollars_and_follow_income(http: httpx.Client) -> None:
    assert 50_000 < price(http, median_income=2) < price(http, median_income=9) < 600_000
    assert price(http, total_bedrooms=None) > 0


def test_a_house_costs_the_same_alone_and_among_others(http: httpx.Client) -> None:
    kinds = ["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"]
    changes = [
        {"median_income": 1 + 0.05 * i, "ocean_proximity": kinds[i % len(kinds)]}
        for i in range(100)
    ]
    instances = [{**HOUSE, **each} for each in changes]

    batch = http.post("/predict/housing/batch", json={"instances": instances}).json()

    for i in (0, 1, 2, 3, 4, 37, 99):
        alone = price(http, **changes[i])
        assert alone > 0
        assert batch["predictions"][i]["price_usd"] == pytest.approx(alone, abs=0.2)


def test_the_drawn_ship_is_a_ship(http: httpx.Client) -> None:
    assert picture(http, EXAMPLES["image"])["label"] == "ship"


def test_a_large_photograph_is_answered_like_its_thumbnail(http: httpx.Client) -> None:
    small = drawing(size=(300, 300))
    large = small.resize((4000, 4000), Image.Resampling.NEAREST)

    answers = [picture(http, as_json(file_of(each, "JPEG"))) for each in (small, large)]

    assert answers[0]["confidence"] == pytest.approx(answers[1]["confidence"], abs=0.05)


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_a_version_that_was_trained_here_shows_its_card(http: httpx.Client, name: str) -> None:
    newest = http.get(f"/models/{name}").json()["versions"][0]

    card = ModelCard.model_validate(newest["card"])

    assert (card.name, card.version) == (name, newest["version"])
    assert card.metrics
