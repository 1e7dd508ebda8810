"""Which answers are shown as the worst."""

import numpy as np

from training.outputs import classification, regression

CLASSES = np.array([[b"cat", b"dog"]] * 4, dtype=object)


def test_the_worst_answers_are_the_surest_of_the_wrong_ones() -> None:
    scores = np.array([[0.6, 0.4], [0.1, 0.9], [0.99, 0.01], [0.3, 0.7]], dtype=np.float32)
    judgement = classification.judge({"classes": CLASSES, "scores": scores}, np.array([1, 0, 0, 1]))
    rows = judgement.worst(10)
    assert rows.tolist() == [1, 0]
    worst = judgement.take(rows[:1])
    assert worst.columns == {"truth": ["cat"], "answer": ["dog"], "its score": ["0.900"]}


def test_the_worst_prices_are_the_farthest_off_in_either_direction() -> None:
    price = np.array([100_000, 250_000, 80_000], dtype=np.float32)
    outputs = {"price": price, "price_low": price - 10_000, "price_high": price + 10_000}
    judgement = regression.judge(outputs, np.array([100_000, 200_000, 180_000], dtype=np.float32))
    worst = judgement.take(judgement.worst(10))
    assert worst.columns["truth"] == ["180,000", "200,000"]
    assert worst.columns["too high by"] == ["-100,000", "+50,000"]
    assert worst.columns["interval"][0] == "70,000 to 90,000"
