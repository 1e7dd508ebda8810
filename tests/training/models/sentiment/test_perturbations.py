"""What careless hands do to texts is what the card says that they did."""

import numpy as np

from training.data.examples import Examples
from training.models.sentiment.perturbations import LENGTHS, MISTYPED_SHARE, mistype, perturb

TEXT = " ".join(["wonderful"] * 600)
EXAMPLES = Examples(
    {"text": np.array([TEXT.encode(), "Été, short.".encode(), b"a b c d e f"], dtype=object)},
    np.array([1, 0, 1]),
)


def test_about_the_promised_share_of_the_words_is_mistyped() -> None:
    words = mistype(TEXT, np.random.default_rng(1)).split(" ")
    changed = [word for word in words if word != "wonderful"]
    assert 0.5 * MISTYPED_SHARE < len(changed) / len(words) < 1.5 * MISTYPED_SHARE
    assert {abs(len(word) - len("wonderful")) for word in changed} <= {0, 1}
    assert len(set(changed)) > 10


def test_upper_case_leaves_targets_and_knows_accents() -> None:
    shouted = perturb(EXAMPLES)["upper case"]
    assert shouted.inputs["text"][1].decode() == "ÉTÉ, SHORT."
    assert (shouted.targets == EXAMPLES.targets).all()


def test_a_beginning_is_taken_of_texts_that_are_long_enough() -> None:
    perturbed = perturb(EXAMPLES)
    for length in LENGTHS:
        cut = perturbed[f"the first {length} words, of texts that have as many"]
        assert {len(text.split()) for text in cut.inputs["text"]} == {length}
    assert (perturbed["the first 5 words, of texts that have as many"].targets == [1, 1]).all()
    assert len(perturbed["the first 20 words, of texts that have as many"]) == 1


def test_the_same_texts_are_perturbed_alike_each_time() -> None:
    name = f"a typing error in {MISTYPED_SHARE:.0%} of the words"
    once, again = (perturb(EXAMPLES)[name].inputs["text"] for _ in range(2))
    assert (once == again).all()
