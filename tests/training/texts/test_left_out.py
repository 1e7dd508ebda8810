"""Which words an answer comes from, by an answer that is known: it looks for one word."""

from collections.abc import Mapping

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logit

from serving.words_left_out import explanations, read
from training.texts.left_out import MOST_WORDS, WordsLeftOut


def answer(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Say "grain" of texts with the word wheat, the surer, the more other words there are."""
    has_word = tf.strings.regex_full_match(inputs["text"], r"(.* )?wheat( .*)?")
    grain = tf.where(has_word, 0.9, 0.2)  # [batch]
    classes = tf.broadcast_to(tf.constant(["grain", "ship"]), [tf.shape(grain)[0], 2])
    return {"names": classes, "scores": tf.stack([grain, 1 - grain], axis=1)}


EXPLAIN = tf.function(
    WordsLeftOut(answer, scores="scores", classes="names"),
    input_signature=[{"text": tf.TensorSpec([None], tf.string)}],
)


def explained(*texts: str) -> dict[str, np.ndarray]:
    outputs = EXPLAIN({"text": tf.constant([read(text) for text in texts], tf.string)})
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def test_the_word_that_makes_the_answer_has_all_of_it() -> None:
    outputs = explained("exports of wheat rose", "a ship")

    first, second = explanations(["exports of wheat rose", "a ship"], outputs)
    assert (first["label"], second["label"]) == ("grain", "ship")
    assert [word["text"] for word in first["words"]] == ["exports", "of", "wheat", "rose"]
    added = [word["contribution"] for word in first["words"]]
    np.testing.assert_allclose(added, [0, 0, logit(0.9) - logit(0.2), 0], atol=1e-5)
    assert first["base"] == pytest.approx(logit(0.2), abs=1e-5)
    assert [word["contribution"] for word in second["words"]] == [0, 0]


def test_words_are_where_they_were_sent() -> None:
    sent = "Exports:\u200b  \u200b  of \uff37heat"

    [found] = explanations([sent], explained(sent))

    assert [sent[word["start"] : word["end"]] for word in found["words"]] == [
        "Exports:\u200b",
        "of",
        "\uff37heat",
    ]
    assert [word["text"] for word in found["words"]] == ["Exports:", "of", "Wheat"]


def test_no_texts_and_no_words_have_no_words() -> None:
    assert explained()["contributions"].shape == (0, 0)
    assert explained("")["contributions"].shape == (1, 0)


def test_of_a_long_text_the_beginning_is_explained() -> None:
    text = " ".join(["word"] * MOST_WORDS + ["wheat"])

    [found] = explanations([text], explained(text))

    assert found["label"] == "grain"
    assert len(found["words"]) == MOST_WORDS
