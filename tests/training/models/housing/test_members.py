"""Several networks in one: each learns alone, and they answer with their mean."""

import keras
import numpy as np
import pytest

from training.models.housing.members import MemberDense, MemberMean


@pytest.fixture
def network() -> keras.Model:
    inputs = keras.Input((4,))
    hidden = MemberDense(3, 5)(inputs)
    return keras.Model(inputs, MemberMean()(MemberDense(3, 2, start=(7, 0))(hidden)))


def test_members_answer_by_themselves_in_training_and_together_later(network: keras.Model) -> None:
    batch = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    members, mean = network(batch, training=True).numpy(), network(batch).numpy()
    assert members.shape == (6, 3, 2)
    assert np.ptp(members, axis=1).min() > 0  # no two are the same
    assert mean == pytest.approx(members.mean(axis=1), abs=1e-6)


def test_a_member_is_a_network_of_ordinary_layers(network: keras.Model) -> None:
    batch = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    kernels, biases = network.get_weights()[::2], network.get_weights()[1::2]
    hidden = batch @ kernels[0][1] + biases[0][1]
    expected = hidden @ kernels[1][1] + biases[1][1]
    assert network(batch, training=True).numpy()[:, 1] == pytest.approx(expected, abs=1e-5)


def test_answers_start_where_they_are_told(network: keras.Model) -> None:
    assert network(np.zeros((1, 4), np.float32)).numpy() == pytest.approx(np.array([[7, 0]]))
