"""What features add is what the definition says, and the neighbours are those that weighed most."""

from collections.abc import Callable, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from serving.contract import Tensors
from serving.models.housing import EXPLAINED, NUM_NEIGHBOURS
from training.data.examples import Examples
from training.models.housing import california
from training.models.housing.block_groups import Features
from training.models.housing.explanations import Explanations, kilometres
from training.serving_graph import to_tensorflow

FEATURES = list(EXPLAINED)
KILOMETRES_PER_DEGREE = 111.19  # of latitude

Price = Callable[[Mapping[str, Any]], Any]


@pytest.fixture(scope="module")
def train(data_folder: Path) -> Examples:
    return california.load(data_folder).development


@pytest.fixture(scope="module")
def features(train: Examples) -> Features:
    return Features(train, num_wave_lengths=2, num_neighbours=12)


@pytest.fixture(scope="module")
def houses(data_folder: Path) -> Tensors:
    test = california.load(data_folder).test
    return {name: column[:5] for name, column in test.inputs.items()}


def by_place(features: Features) -> Callable[[Any], Any]:
    """Let neighbours weigh by something of the features that is another for each."""
    return lambda seen: tf.nn.softmax(10 * tf.sin(seen[:, -features.num_neighbours :] * 9))


def explain(features: Features, price: Price, inputs: Tensors) -> dict[str, NDArray[Any]]:
    explanations = Explanations(features, price, by_place(features))
    found = tf.function(explanations.__call__)(to_tensorflow(inputs))
    return {name: tensor.numpy() for name, tensor in found.items()}


def tangled(inputs: Mapping[str, Any]) -> Any:
    """Give a price that every field has a say in, and that is no sum."""
    income, rooms = inputs["median_income"], inputs["total_rooms"]
    bedrooms = inputs["total_bedrooms"]
    bedrooms = tf.where(tf.math.is_nan(bedrooms), 0.0, bedrooms)
    inland = tf.cast(tf.equal(inputs["ocean_proximity"], "INLAND"), tf.float32)
    homes = rooms / inputs["households"] - bedrooms / inputs["population"]
    west = (inputs["longitude"] + 115) * (inputs["latitude"] - 30) * (1 + inland)
    return 20_000 * income * homes + 500 * west * inputs["housing_median_age"]


def prices_by_hand(features: Features, price: Price, house: Tensors) -> NDArray[np.float64]:
    """Give the mean price by what is the house's own, bit by bit: float[coalition]."""
    known = features.background
    prices = []
    for coalition in range(2 ** len(FEATURES)):
        mixed = {name: column.copy() for name, column in known.inputs.items()}
        for player, fields in enumerate(EXPLAINED.values()):
            for field in fields if coalition >> player & 1 else ():
                mixed[field][:] = house[field]
        prices.append(np.average(price(to_tensorflow(mixed)), weights=known.weights))
    return np.array(prices)


def test_each_feature_has_what_it_adds_in_the_mean_of_all_orders(
    features: Features, houses: Tensors
) -> None:
    found = explain(features, tangled, houses)
    orders = list(permutations(range(len(FEATURES))))
    for row in range(2):
        prices = prices_by_hand(features, tangled, {name: houses[name][row] for name in houses})
        added = np.zeros(len(FEATURES))
        for order in orders:
            reached = np.cumsum([0, *(1 << player for player in order)])
            added[list(order)] += np.diff(prices[reached])
        np.testing.assert_allclose(
            found["contributions"][row], added / len(orders), rtol=1e-4, atol=1
        )
        np.testing.assert_allclose(found["base"][row], prices[0], rtol=1e-5)


def test_they_add_up_to_the_price(features: Features, houses: Tensors) -> None:
    found = explain(features, tangled, houses)
    added_up = found["base"] + found["contributions"].sum(axis=1, dtype=np.float64)
    np.testing.assert_allclose(added_up, tangled(to_tensorflow(houses)), rtol=1e-5)


def test_of_a_sum_each_has_its_own_and_who_has_no_say_has_nothing(
    features: Features, houses: Tensors
) -> None:
    def added(inputs: Mapping[str, Any]) -> Any:
        return 1_000 * inputs["housing_median_age"] - 30 * inputs["population"]

    contributions = explain(features, added, houses)["contributions"]
    known = features.background
    expected = np.zeros_like(contributions)
    for name, factor in [("housing_median_age", 1_000), ("population", -30)]:
        usual = np.average(known.inputs[name], weights=known.weights)
        expected[:, FEATURES.index(name)] = factor * (houses[name] - usual)
    np.testing.assert_allclose(contributions, expected, rtol=1e-3, atol=1)


def test_a_place_is_never_torn_apart(features: Features, houses: Tensors) -> None:
    asked: list[set[tuple[float, float, bytes]]] = []

    def price(inputs: Mapping[str, Any]) -> Any:
        places = [inputs[name].numpy().tolist() for name in EXPLAINED["place"]]
        asked.append(set(zip(*places, strict=True)))
        return inputs["median_income"]

    house = {name: column[:1] for name, column in houses.items()}
    Explanations(features, price, by_place(features))(to_tensorflow(house))
    known = [features.background.inputs[name].tolist() for name in EXPLAINED["place"]]
    own = tuple(house[name].tolist()[0] for name in EXPLAINED["place"])
    assert asked == [{own, *zip(*known, strict=True)}]


def test_a_house_is_explained_the_same_alone_and_beside_any_other(
    features: Features, houses: Tensors
) -> None:
    together = explain(features, tangled, houses)
    for row in range(len(houses["longitude"])):
        alone = explain(
            features, tangled, {name: column[row : row + 1] for name, column in houses.items()}
        )
        for name, values in alone.items():
            if name == "features":
                assert values.tolist() == [[each.encode() for each in FEATURES]]
            else:
                np.testing.assert_allclose(values[0], together[name][row], rtol=1e-5, atol=0.1)


def test_no_houses_have_no_explanations(features: Features, houses: Tensors) -> None:
    none = {name: column[:0] for name, column in houses.items()}
    found = explain(features, tangled, none)
    assert found["contributions"].shape == (0, len(FEATURES))
    assert found["neighbour_prices"].shape == (0, NUM_NEIGHBOURS)


def test_neighbours_are_known_block_groups_those_first_that_weighed_most(
    train: Examples, features: Features, houses: Tensors
) -> None:
    found = explain(features, tangled, houses)
    weights = by_place(features)(features(to_tensorflow(houses))).numpy()
    most = -np.sort(-weights, axis=1)[:, :NUM_NEIGHBOURS]
    np.testing.assert_allclose(found["neighbour_weights"], most, rtol=1e-5)
    known = np.stack([train.inputs["longitude"], train.inputs["latitude"], train.targets], axis=1)
    names = ("longitudes", "latitudes", "prices")
    told = np.stack([found[f"neighbour_{name}"] for name in names], axis=2).reshape(-1, 1, 3)
    apart = np.abs(told - known) / [0.01, 0.01, 100]  # [neighbour, known, column]
    assert (apart.max(axis=2).min(axis=1) < 1).all()


def test_where_there_are_fewer_neighbours_the_rest_weighs_nothing(
    train: Examples, houses: Tensors
) -> None:
    few = Features(train, num_wave_lengths=2, num_neighbours=3)
    weights = explain(few, tangled, houses)["neighbour_weights"]
    assert weights.shape == (len(houses["longitude"]), NUM_NEIGHBOURS)
    np.testing.assert_allclose(weights[:, :3].sum(axis=1), 1, rtol=1e-5)
    assert not weights[:, 3:].any()


@pytest.mark.parametrize(
    ("longitude", "latitude", "expected"),
    [
        (-120.0, 37.0, KILOMETRES_PER_DEGREE),
        (-119.0, 36.0, KILOMETRES_PER_DEGREE * np.cos(np.radians(36))),
        (-120.0, 36.0, 0.0),
    ],
)
def test_kilometres_are_along_the_surface(
    longitude: float, latitude: float, expected: float
) -> None:
    degrees = (tf.constant(each) for each in (-120.0, 36.0, longitude, latitude))
    assert kilometres(*degrees).numpy() == pytest.approx(expected, rel=1e-3)
