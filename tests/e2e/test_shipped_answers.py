import httpx
import pytest

SCATHING = (
    "What a waste of two hours. The plot makes no sense, the acting is wooden and the jokes are "
    "painfully unfunny. Easily the worst film I have seen this year. Avoid it."
)
GLOWING = (
    "An absolute delight from start to finish. The performances are wonderful, the story is moving "
    "and the photography is beautiful. One of the best films of the decade."
)
NEIGHBOURS = [
    "Fine.",
    "?",
    GLOWING,
    " ".join([SCATHING] * 40),
    "Boring! " * 1_000,
    "word " * 3_999,
]


def ask(http: httpx.Client, text: str) -> dict[str, float]:
    answer = http.post("/predict/sentiment", json={"text": text})
    assert answer.status_code == 200, answer.text
    probabilities: dict[str, float] = answer.json()["prediction"]["probabilities"]
    return probabilities


def test_a_scathing_review_is_negative(http: httpx.Client) -> None:
    assert ask(http, SCATHING)["negative"] > 0.9


def test_a_glowing_review_is_positive(http: httpx.Client) -> None:
    assert ask(http, GLOWING)["positive"] > 0.9


def test_the_probabilities_sum_to_one(http: httpx.Client) -> None:
    assert sum(ask(http, "It was neither good nor bad.").values()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("neighbour", NEIGHBOURS, ids=lambda text: text[:12])
def test_the_neighbours_in_a_batch_change_nothing(http: httpx.Client, neighbour: str) -> None:
    alone = ask(http, SCATHING)

    instances = [{"text": text} for text in (neighbour, SCATHING, neighbour)]
    batch = http.post("/predict/sentiment/batch", json={"instances": instances}).json()

    assert batch["predictions"][1]["probabilities"] == pytest.approx(alone, abs=1e-5)


def test_a_batch_keeps_its_order(http: httpx.Client) -> None:
    texts = [SCATHING, GLOWING, *NEIGHBOURS, GLOWING, SCATHING]

    instances = [{"text": text} for text in texts]
    batch = http.post("/predict/sentiment/batch", json={"instances": instances}).json()

    for text, prediction in zip(texts, batch["predictions"], strict=True):
        assert prediction["probabilities"] == pytest.approx(ask(http, text), abs=1e-5)


def test_html_does_not_matter(http: httpx.Client) -> None:
    marked_up = SCATHING.replace(". ", ".<br /><br />").replace("worst", "<b>worst</b>")

    assert ask(http, marked_up) == pytest.approx(ask(http, SCATHING), abs=1e-5)


@pytest.mark.parametrize("text", ["a" * 20_000, "wow " * 5_000, "😀" * 100, "żółć!", "数字"])
def test_odd_texts_are_answered(http: httpx.Client, text: str) -> None:
    assert set(ask(http, text)) == {"negative", "positive"}
