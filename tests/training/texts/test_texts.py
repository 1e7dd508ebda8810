"""What a network sees of texts, and the recipe that names their labels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.texts.features import TERM_LENGTH, TextFeatures, standardize
from training.texts.linear import decide
from training.texts.network import HyperParameters, build_network
from training.texts.recipe import LabelsLoss, encode

TEXTS = np.array([b"Wheat rose 2.1 pct.", b"ship, wheat", b"wheat and wheat"], object)


def test_words_are_letters_and_numbers_are_all_alike() -> None:
    [text] = standardize(tf.constant(["Müller's  Wheat ROSE 2,100.5 pct."])).numpy()
    assert text.decode() == "müller s wheat rose 0 0 0 pct "


def test_features_keep_the_most_frequent_words_and_weigh_rare_terms_more() -> None:
    features = TextFeatures(TEXTS, num_words=4, num_terms=20, length=3)

    seen = features({"text": tf.constant(TEXTS, tf.string)})

    assert seen["words"].shape == (3, 3)
    assert features.words[:3] == ["", "[UNK]", "wheat"]
    assert seen["words"].numpy()[1].tolist()[1:] == [2, 0]  # one word is not known, and two fill it
    lengths = np.linalg.norm(seen["terms"].numpy(), axis=1)
    np.testing.assert_allclose(lengths, TERM_LENGTH, rtol=1e-5)
    terms = dict(zip(features._terms.get_vocabulary(), seen["terms"].numpy()[1], strict=True))
    assert terms["ship"] > terms["wheat"] > 0
    assert terms["ship wheat"] > 0


def test_a_text_without_known_terms_is_no_error() -> None:
    features = TextFeatures(TEXTS, num_words=4, num_terms=20, length=3)
    terms = features({"text": tf.constant(["", "?"])})["terms"].numpy()
    assert np.isfinite(terms).all()


@pytest.mark.parametrize("normalize", [True, False])
def test_a_network_is_saved_and_read_with_its_loss(normalize: bool) -> None:
    sizes = HyperParameters(length=8, embedding_units=2, filters=2, normalize=normalize)
    network = build_network(sizes, num_words=5, num_terms=7, num_outputs=4)
    network.compile(loss=LabelsLoss(1))

    kinds = [type(layer) for layer in network.layers]
    assert (keras.layers.BatchNormalization in kinds) == normalize
    assert LabelsLoss.from_config(LabelsLoss(3).get_config()).num_mains == 3


def test_the_loss_is_of_all_labels_and_of_the_main_one_where_there_is_one() -> None:
    ranks = np.array([[1, 0, 2], [0, 0, 1]], np.int64)  # the third is never the main one
    truth = encode(2, ranks)
    assert truth.tolist() == [[1, 0, 1, 1, 0], [0, 0, 1, 0, 0]]

    losses = LabelsLoss(2, reduction="none")(truth, np.zeros((2, 5), np.float32)).numpy()

    np.testing.assert_allclose(losses, [3 * np.log(2) + np.log(2), 3 * np.log(2)], rtol=1e-5)


def test_a_linear_model_decides_on_labels_and_never_on_those_that_no_text_has() -> None:
    texts = np.array([b"wheat rose", b"wheat fell", b"a ship", b"ship sank"] * 2, object)
    targets = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]] * 2, bool)

    decided = decide(texts, targets, np.array([b"wheat", b"the ship"], object)) > 0

    assert decided.tolist() == [[True, False, False], [False, True, False]]
