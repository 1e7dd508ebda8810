"""What a network sees of texts, and the recipe that names their labels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer

from training.texts.features import TermScores, fit_features, fit_terms, standardize
from training.texts.linear import fit_machines
from training.texts.network import HyperParameters, build_network
from training.texts.recipe import LabelsLoss, encode

TEXTS = np.array([b"wheat rose 2.1 pct.", b"Wheat fell", b"a ship", b"Ship, sank"] * 2, object)
TARGETS = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]] * 2, bool)


def test_words_are_letters_and_numbers_are_all_alike() -> None:
    [text] = standardize(tf.constant(["Müller's  Wheat ROSE 2,100.5 pct."])).numpy()
    assert text.decode() == "müller s wheat rose 0 0 0 pct "


def test_features_keep_the_most_frequent_words_and_say_what_terms_mean() -> None:
    features, seen = fit_features(TEXTS, TARGETS, num_words=4, num_terms=20, strength=1.0, length=3)

    asked = features({"text": tf.constant(["wheat, an Ohio ship of it", "Wheat"])})

    assert features.words[:2] == ["", "[UNK]"]
    known = {word: number for number, word in enumerate(features.words)}
    assert asked["words"].numpy().tolist() == [[known["wheat"], 1, 1], [known["wheat"], 0, 0]]
    assert asked["terms"].shape == (2, 3)
    assert (asked["terms"].numpy()[1] > 0).tolist() == [True, False, False]
    assert {name: tensor.shape for name, tensor in seen.items()} == {
        "words": (len(TEXTS), 3),
        "terms": TARGETS.shape,
    }


def test_terms_decide_on_labels_that_some_texts_have_and_are_sure_of_others() -> None:
    every = np.pad(TARGETS, [[0, 0], [0, 1]], constant_values=True)  # the third, no text has

    scores, _ = fit_terms(TEXTS, every)

    found = scores.answer_all(np.array([b"wheat", b"the ship"], object))
    assert (found > 0).tolist() == [[True, False, False, True], [False, True, False, True]]
    assert (found[:, 2] <= found.min(axis=1)).all()
    assert (found[:, 3] >= found.max(axis=1)).all()


def test_what_is_learned_from_is_what_terms_say_of_texts_that_they_never_saw() -> None:
    random = np.random.default_rng(0)
    words = random.choice(list("abcdefghijklmnopqrstuvwxyz"), (100, 8))
    texts = np.array([" ".join(row).encode() for row in words], object)
    targets = random.random((100, 1)) < 0.5  # by chance: there is nothing but to know by heart

    scores, unseen = fit_terms(texts, targets)

    by_heart = scores.answer_all(texts)
    assert np.corrcoef(by_heart[:, 0], targets[:, 0])[0, 1] ** 2 > 0.8
    assert np.corrcoef(unseen[:, 0], targets[:, 0])[0, 1] ** 2 < 0.2


def test_the_graph_weighs_terms_as_they_were_weighed_when_they_were_fitted() -> None:
    texts = ["wheat rose, and wheat", "no term of it", "", "a ship sank 3 pct"]
    plain = [text.decode() for text in standardize(tf.constant(TEXTS, tf.string)).numpy()]
    machines = fit_machines(plain, TARGETS, most=None, strength=1.0)
    counted = TfidfVectorizer(
        tokenizer=str.split,
        token_pattern=None,
        vocabulary=machines.terms,
        ngram_range=(1, 2),
        sublinear_tf=True,
    )
    counted.idf_ = machines.rarities
    asked = [text.decode() for text in standardize(tf.constant(texts)).numpy()]

    found = TermScores(machines)(tf.constant(texts)).numpy()

    expected = counted.transform(asked) @ machines.weights + machines.biases
    np.testing.assert_allclose(found, expected, atol=1e-3)  # weights are float16
    assert TermScores(machines)(tf.constant([], tf.string)).shape == (0, 3)


@pytest.mark.parametrize("normalize", [True, False])
def test_a_network_is_saved_and_read_with_its_loss(normalize: bool) -> None:
    sizes = HyperParameters(length=8, embedding_units=2, filters=2, normalize=normalize)
    network = build_network(sizes, num_words=5, num_outputs=4)
    network.compile(loss=LabelsLoss(1))

    inputs = {"words": np.ones((2, 8), np.int64), "terms": np.arange(8.0).reshape(2, 4)}
    assert (network(inputs).numpy() == inputs["terms"]).all()  # nothing is learned yet
    kinds = [type(layer) for layer in network.layers]
    assert (keras.layers.BatchNormalization in kinds) == normalize
    assert LabelsLoss.from_config(LabelsLoss(3).get_config()).num_mains == 3


def test_the_loss_is_of_all_labels_and_of_the_main_one_where_there_is_one() -> None:
    ranks = np.array([[1, 0, 2], [0, 0, 1]], np.int64)  # the third is never the main one
    truth = encode(2, ranks)
    assert truth.tolist() == [[1, 0, 1, 1, 0], [0, 0, 1, 0, 0]]

    losses = LabelsLoss(2, reduction="none")(truth, np.zeros((2, 5), np.float32)).numpy()

    np.testing.assert_allclose(losses, [3 * np.log(2) + np.log(2), 3 * np.log(2)], rtol=1e-5)
