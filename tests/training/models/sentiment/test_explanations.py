"""Each word's part in the answer adds up to it, stands where the word does, and is its own."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.texts.characters import plain
from training.models.sentiment.answer import SentimentAnswer, beside_features
from training.models.sentiment.attributions import Attributions
from training.models.sentiment.blend import Blend
from training.models.sentiment.explanations import Explanations
from training.models.sentiment.fused import FusedNetwork
from training.models.sentiment.network import HyperParameters, build_network
from training.models.sentiment.ngrams import Ngrams, frequent_ngrams
from training.models.sentiment.places import characters
from training.models.sentiment.words import (
    TextFeatures,
    most_frequent,
    number_texts,
    split_words,
)
from training.outputs.conformal import PValues

RANDOM = np.random.default_rng(0)
TEXTS = (
    "A warm, funny film: it isn't bad!",
    "bad, bad, bad film; a bad, bad end",
    "Warm?",
    "",
    "unheard of",
    "a warm film and a bad end and a warm film and a funny film, it is",
)
MOST = 10  # words that the LSTM reads

Found = dict[str, NDArray[Any]]


def bytes_of(*texts: str) -> tf.Tensor:
    return tf.constant([text.encode() for text in texts], tf.string)


@pytest.fixture(scope="module")
def explain() -> Any:
    """Explain by weights that were drawn by chance, of a network that reads ten words."""
    numbered = number_texts(np.array([text.encode() for text in TEXTS[:3]], object))
    known = frequent_ngrams(numbered.texts, 1)
    ngrams = Ngrams(known, RANDOM.normal(size=len(known)), 0.25)
    vocabulary = most_frequent(numbered.texts, 100)
    features = TextFeatures(vocabulary, ngrams, MOST, numbered.texts)
    keras.utils.set_random_seed(0)
    sizes = HyperParameters(embedding_units=5, lstm_units=4)
    network = build_network(sizes, len(vocabulary) + 2)
    network.set_weights([RANDOM.normal(size=weight.shape) for weight in network.weights])
    blend = Blend(np.array([[0.5, 2.0], [0.25, -0.125]], np.float32), 0.125)
    answer = SentimentAnswer(("negative", "positive"), blend, PValues(np.linspace(0, 1, 9)))
    fused = FusedNetwork(network)
    explanations = Explanations(features, beside_features(fused), answer, Attributions(fused, MOST))
    traced = tf.function(
        explanations.__call__, input_signature=[{"text": tf.TensorSpec([None], tf.string)}]
    )

    def explained(*texts: str) -> Found:
        return {name: each.numpy() for name, each in traced({"text": bytes_of(*texts)}).items()}

    return explained


def test_base_and_words_add_up_to_the_log_odds(explain: Any) -> None:
    found = explain(*TEXTS)
    odds = np.log(found["scores"][:, 1] / found["scores"][:, 0])
    added_up = found["base"] + found["contributions"].sum(axis=1, dtype=np.float64)
    np.testing.assert_allclose(added_up, odds, atol=1e-4)


def test_words_are_given_with_their_places(explain: Any) -> None:
    found = explain(TEXTS[0], TEXTS[2])
    assert found["words"].tolist() == [
        [b"a", b"warm", b"funny", b"film", b"it", b"isn't", b"bad", b"!"],
        [b"warm", b"?", *[b""] * 6],
    ]
    places = zip(found["starts"][0], found["ends"][0], strict=True)
    assert [TEXTS[0][start:end] for start, end in places] == [
        *("A", "warm", "funny", "film", "it", "isn't", "bad", "!")
    ]
    assert not found["contributions"][1, 2:].any()


def test_a_text_is_explained_the_same_alone_and_beside_any_other(explain: Any) -> None:
    together = explain(*TEXTS)
    for row, text in enumerate(TEXTS):
        alone = explain(text)
        for name, values in alone.items():
            beside = together[name][row]
            if values.ndim > 1:
                assert not beside[values.shape[1] :].any() or values.shape[1] == 2
                beside = beside[: values.shape[1]]
            if values.dtype == object:
                assert values[0].tolist() == beside.tolist()
            else:
                np.testing.assert_allclose(values[0], beside, atol=1e-5)


def test_no_texts_have_no_explanations(explain: Any) -> None:
    found = explain()
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(found, 0)
    assert found["contributions"].ndim == 2


def test_words_that_are_left_out_of_the_middle_have_their_ngrams_alone(explain: Any) -> None:
    found = explain(TEXTS[5])
    words = found["words"][0].tolist()
    assert len(words) == 17
    # "and" is in no n-gram that is known, and in the middle no word is read.
    middle = [place for place, word in enumerate(words) if word == b"and" and 4 <= place < 10]
    assert middle
    assert not found["contributions"][0, middle].any()


def test_what_an_ngram_adds_is_shared_by_its_words_wherever_it_stands() -> None:
    numbers = number_texts(np.array([b"good film good film", b"good", b"film"], object)).texts
    words = frequent_ngrams(numbers[1:], 1)
    known = np.setdiff1d(frequent_ngrams([numbers[0][:2]], 1), words)  # "good film" alone
    features = TextFeatures(known, Ngrams(known, np.array([4.0]), 0.0), MOST, numbers)
    table = tf.constant(numbers[0][None])
    added = features.ngram_scores.contributions(table).numpy()
    np.testing.assert_allclose(added, [[1, 1, 1, 1]], atol=1e-3)
    np.testing.assert_allclose(features.ngram_scores(table), [4], atol=1e-3)


SIGNS = (":)", ":-)", ":(", ":D", ":-D", ":p", ":'(", "=)", "<3", "</3", ":-/", ":|", ";-)")
EMOJI = ("👍🏽", "❤️", "🤦🏽\u200d♂️", "🦖")
emoticons = st.sampled_from(SIGNS + EMOJI)
letters = st.text(st.sampled_from("aB İßΣςǅ'\u2019!?.-,1½é\u0301漢😀\u0130\u0f73 \n"), max_size=40)

some_texts = st.one_of(
    letters,
    st.text(max_size=20),
    st.lists(st.one_of(emoticons, letters), max_size=8).map("".join),
)


@given(st.lists(some_texts, min_size=1, max_size=4))
@example([":D\u0130", ":D\u212a"])
def test_the_characters_at_a_place_are_the_word(texts: list[str]) -> None:
    texts = [plain(text.encode("utf-8", "replace").decode()) for text in texts]
    words, places, _ = split_words(bytes_of(*texts))
    starts, ends = (each.numpy() for each in characters(bytes_of(*texts), words))
    for word, (row, _), start, end in zip(words.numpy(), places.numpy(), starts, ends, strict=True):
        if not word.strip(b"'"):
            assert (start, end) == (0, 0)
            continue
        alone, _, _ = split_words(bytes_of(texts[row][start:end]))
        found = b" ".join(alone.numpy()).decode().strip("'")
        # At the end of a word, a sigma has a lower case of its own, by what stands before the word.
        same = found.replace("\u03c2", "\u03c3") == word.decode().strip("'").replace(
            "\u03c2", "\u03c3"
        )
        assert same or "İ" in texts[row]
        assert end - start == len(word.decode())
