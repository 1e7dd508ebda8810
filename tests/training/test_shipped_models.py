"""The versions in `models/` answer as they did when they were published, and are as declared."""

import json
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from serving.card import ModelCard
from serving.class_sets import P_VALUES
from serving.contract import Tensors, TensorSpec
from serving.familiarity import FAMILIARITY, THRESHOLD
from serving.models import MODELS
from serving.models.housing import NUMERIC_FEATURES
from tests.stack import SHIPPED_VERSIONS, shipped_version
from tests.training.shipped_sample import (
    ANSWERS,
    COMMAND,
    GRID,
    INCOMES,
    INPUTS,
    PLACES,
    ask,
    texts,
)
from training.data.examples import Examples
from training.models.housing.smoothness import moved
from training.models.image.strangers import strangers
from training.publish.export import no_rows
from training.publish.operations import devices_by_operation
from training.serving_graph import to_tensorflow

# Another processor adds the same numbers in another order: one with AVX2, held to SSE 4.1, moved
# scores by 1e-6 and prices by 3e-6. The largest weight of a layer with its sign turned moved scores
# by 4e-4 and more.
SCORE_TOLERANCE = 1e-4
PRICE_TOLERANCE = 1e-4  # of the price
RANK_TOLERANCE = 2e-3  # of a p-value, which counts held-out examples: their next is one more
ABSOLUTE_TOLERANCES = {
    "scores": SCORE_TOLERANCE,
    P_VALUES: RANK_TOLERANCE,
    FAMILIARITY: RANK_TOLERANCE,
}

# What the documentation promises of the figures on the test part.
BOUNDS = {
    "sentiment": {"accuracy": (0.92, 1.0), "expected_calibration_error": (0.0, 0.02)},
    "image": {"accuracy": (0.91, 1.0), "expected_calibration_error": (0.0, 0.021)},
    "housing": {
        "root_mean_squared_error": (0.0, 40_000),
        "interval_coverage": (0.885, 0.915),
        **{
            f"interval_coverage_{fifth}_fifth": (0.85, 0.95)
            for fifth in ("lowest", "second", "middle", "fourth", "highest")
        },
    },
}

# Strings and their characters, and the reading of the version itself; TensorFlow Serving puts them
# on the CPU also where there is a GPU.
CPU_ALONE = {
    "MergeV2Checkpoints",
    "RaggedRange",
    "RestoreV2",
    "SaveV2",
    "ShardedFilename",
    "StaticRegexFullMatch",
    "StaticRegexReplace",
    "StringJoin",
    "StringLength",
    "StringLower",
    "StringSplitV2",
    "StringToHashBucketFast",
    "UnicodeDecode",
    "UnicodeEncode",
}

NEIGHBOURS = ["Dull.", "One of the best films I have seen! " * 40, "It's not bad, but " * 7]


@cache
def load(name: str) -> Any:
    return tf.saved_model.load(str(shipped_version(name))).signatures


@cache
def answers(name: str) -> dict[str, NDArray[Any]]:
    return ask(load(name)["serving_default"], name)


def read_card(name: str) -> ModelCard:
    text = load(name)["describe"](request=tf.constant([""]))["card"].numpy()[0]
    return ModelCard.model_validate_json(text)


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_the_sample_is_answered_as_it_was_when_the_version_was_published(name: str) -> None:
    golden = json.loads(ANSWERS.read_text())[name]
    version, shipped = golden.pop("version"), shipped_version(name)
    advice = f"If {shipped} is new on purpose, run `{COMMAND}` and look at what changes."
    assert version == int(shipped.name), (
        f"{ANSWERS} has the answers of {name} {version}, shipped is {name} {shipped.name}. {advice}"
    )
    assert golden.keys() == answers(name).keys(), f"Other outputs than in {ANSWERS}. {advice}"
    for output, expected in golden.items():
        absolute = ABSOLUTE_TOLERANCES.get(output, 0)
        np.testing.assert_allclose(
            answers(name)[output],
            expected,
            rtol=0 if absolute else PRICE_TOLERANCE,
            atol=absolute,
            err_msg=f"{output} of {name} {version} are not those in {ANSWERS}. {advice}",
        )


def test_what_praises_is_positive_and_what_blames_is_negative() -> None:
    _, meant = texts()
    found = answers("sentiment")["scores"][: len(meant)].argmax(axis=1)
    assert (found == meant).mean() >= 0.98


def test_prices_rise_with_income_and_are_higher_by_the_sea() -> None:
    in_places = answers("housing")["price"][: -len(GRID)]
    prices = in_places.reshape(len(PLACES), len(INCOMES), -1).mean(axis=2)  # [place, income]
    assert (np.diff(prices, axis=1) > -1_000).all()
    inland = np.array([proximity == "INLAND" for _, _, proximity in PLACES.values()])
    by_the_sea = [name in ("San Francisco", "Los Angeles", "San Diego") for name in PLACES]
    assert (prices[by_the_sea].min(axis=0) > prices[inland].max(axis=0)).all()


def test_a_price_is_always_within_its_interval_which_has_a_width() -> None:
    """Also in every corner of what the training part held, and for a place that it did not."""
    statistics = read_card("housing").input_statistics
    ranges = {name: statistics[name] for name in NUMERIC_FEATURES}
    corners = np.array(list(product(*((seen.minimum, seen.maximum) for seen in ranges.values()))))
    inputs = {name: tf.constant(corners[:, i], tf.float32) for i, name in enumerate(ranges)}
    nowhere = tf.constant(["no such place"] * len(corners))
    cornered = load("housing")["serving_default"](ocean_proximity=nowhere, **inputs)
    for prices in (answers("housing"), cornered):
        price, low, high = (np.array(prices[key]) for key in ("price", "price_low", "price_high"))
        assert (low <= price).all()
        assert (price <= high).all()
        assert (high - low).min() > 1_000


def test_what_is_said_to_make_a_price_adds_up_to_it_and_changes_nothing() -> None:
    inputs = to_tensorflow({name: column[::37] for name, column in INPUTS["housing"].items()})
    explained = load("housing")["explain"](**inputs)
    price = explained["price"].numpy()
    added = explained["base"].numpy() + explained["contributions"].numpy().sum(axis=1)
    np.testing.assert_allclose(added, price, rtol=1e-5)
    np.testing.assert_allclose(load("housing")["serving_default"](**inputs)["price"], price)
    weights = explained["neighbour_weights"].numpy()
    assert (np.diff(weights, axis=1) <= 0).all()
    assert (weights.sum(axis=1) <= 1 + 1e-5).all()


def test_words_add_up_to_the_log_odds_and_change_nothing() -> None:
    sample = INPUTS["sentiment"]["text"][::23]
    explained = load("sentiment")["explain"](text=tf.constant(sample))
    scores = explained["scores"].numpy().astype(np.float64)
    added = explained["base"].numpy() + explained["contributions"].numpy().sum(axis=1)
    # Of a probability near 1, few digits are left of what is missing to it.
    logits = np.log(scores[:, 1] / scores[:, 0])
    np.testing.assert_allclose(added, logits, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(scores, answers("sentiment")["scores"][::23], atol=1e-5)


def test_the_words_that_praise_and_blame_are_said_to() -> None:
    found = load("sentiment")["explain"](text=tf.constant(["wonderful, but the end is awful"]))
    said = dict(zip(found["words"].numpy()[0], found["contributions"].numpy()[0], strict=True))
    assert said[b"wonderful"] == max(said.values()) > 0.5
    assert said[b"awful"] == min(said.values()) < -0.5


@pytest.mark.parametrize(
    "text",
    [
        "Das Ende war leider langweilig, und meine Schwester schlief ein, ehe es kam.",
        "def read(path): return [line for line in open(path) if line.strip() and not skip]",
        "qwe rtz uio pas dfg hjk lyx cvb nmq wer tzu iop",
    ],
)
def test_what_is_like_no_review_is_told(text: str) -> None:
    own = "I liked the story and the cast, but the film is too long and the end is a mess."
    found = load("sentiment")["serving_default"](text=tf.constant([own, text]))
    assert (found["familiarity"].numpy() < THRESHOLD).tolist() == [False, True]


def test_maps_add_up_to_what_speaks_for_a_class_and_change_nothing() -> None:
    inputs = to_tensorflow({"pixels": INPUTS["image"]["pixels"][::57]})
    explained = load("image")["explain"](**inputs)
    added = explained["bases"].numpy() + explained["maps"].numpy().sum(axis=(2, 3))
    np.testing.assert_allclose(added, explained["logits"], atol=1e-3)
    answered = load("image")["serving_default"](**inputs)
    for name in ("scores", P_VALUES, FAMILIARITY):
        np.testing.assert_allclose(explained[name], answered[name], atol=1e-5)
    best = np.argsort(-answered["scores"].numpy(), axis=1)[:, :2]
    named = np.take_along_axis(answered["classes"].numpy(), best, axis=1)
    assert explained["explained_classes"].numpy().tolist() == named.tolist()


@pytest.mark.parametrize("kind", ["digits", "noise", "checks"])
def test_what_pictures_nothing_is_told(kind: str) -> None:
    none = Examples({"pixels": np.empty((0, 32, 32, 3), np.uint8)}, np.empty(0, np.int64))
    pictures = {"pixels": strangers(none)[kind]["pixels"][:60]}
    familiarity = load("image")["serving_default"](**to_tensorflow(pictures))[FAMILIARITY].numpy()
    assert (familiarity < THRESHOLD).mean() > 0.5


@pytest.mark.parametrize(
    "changed",
    [
        {"longitude": -124.5, "latitude": 35.0},  # at sea
        {"longitude": -116.5, "latitude": 39.5},  # the desert of Nevada
        {"longitude": -74.0, "latitude": 40.7},  # New York
        {"total_rooms": 430_000.0},  # a thousand a household
        {"population": 1.0},
    ],
)
def test_what_is_like_no_block_group_is_told_warned_of_and_known_less_well(
    changed: dict[str, float],
) -> None:
    example = MODELS["housing"].example
    inputs = MODELS["housing"].preprocess([example, example.model_copy(update=changed)])
    tensors = load("housing")["serving_default"](**to_tensorflow(inputs))
    outputs = {name: tensor.numpy() for name, tensor in tensors.items()}
    assert (outputs["familiarity"] >= THRESHOLD).tolist() == [True, False]
    usual, odd = MODELS["housing"].postprocess(inputs, outputs, read_card("housing"))
    assert not usual["warnings"]
    assert odd["warnings"]
    narrow, wide = outputs["price_high"] - outputs["price_low"]
    assert wide > narrow


def test_a_price_hardly_changes_with_some_steps_aside() -> None:
    """Of places about which block groups are known: wherever one of the sample lies."""
    inputs, answer = INPUTS["housing"], load("housing")["serving_default"]

    def prices(asked: Tensors) -> NDArray[np.float32]:
        found: NDArray[np.float32] = answer(**to_tensorflow(asked))["price"].numpy()
        return found

    there = prices(moved(inputs, 180, np.random.default_rng(0)))
    assert (np.abs(there / prices(inputs) - 1) < 0.03).mean() >= 0.97


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_an_answer_is_the_same_alone_and_among_others(name: str) -> None:
    row = len(next(iter(INPUTS[name].values()))) // 2
    alone = load(name)["serving_default"](
        **to_tensorflow({key: column[row : row + 1] for key, column in INPUTS[name].items()})
    )
    for output, together in answers(name).items():
        np.testing.assert_allclose(alone[output][0], together[row], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("text", NEIGHBOURS)
def test_a_text_scores_the_same_alone_and_among_longer_and_shorter_ones(text: str) -> None:
    signature = load("sentiment")["serving_default"]
    alone = signature(text=tf.constant([text]))["scores"][0]
    together = signature(text=tf.constant([*NEIGHBOURS, text]))["scores"][-1]
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_a_batch_without_rows_is_answered_with_none(name: str) -> None:
    signature = MODELS[name].signature
    outputs = load(name)["serving_default"](**to_tensorflow(no_rows(signature)))
    for output, spec in _given(name).items():
        assert outputs[output].shape == (0, *spec.row_shape)


def _given(name: str) -> dict[str, TensorSpec]:
    """Give the outputs that a shipped version has: those of version 1 lack what came later."""
    declared = MODELS[name].signature
    lacking = declared.optional_outputs if SHIPPED_VERSIONS[name] == 1 else frozenset()
    return {output: spec for output, spec in declared.outputs.items() if output not in lacking}


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_the_signature_is_as_declared(name: str) -> None:
    signature, declared = load(name)["serving_default"], MODELS[name].signature
    for specs, expected in (
        (signature.structured_input_signature[1], declared.inputs),
        (signature.structured_outputs, _given(name)),
    ):
        found = {
            tensor: TensorSpec(spec.dtype.name, tuple(spec.shape)) for tensor, spec in specs.items()
        }
        assert found == dict(expected)


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_the_card_has_the_figures_that_were_measured_and_how_far_they_can_be_trusted(
    name: str,
) -> None:
    """Whether they are true only a training on the public data can show."""
    card = read_card(name)
    assert (card.name, card.version) == (name, int(shipped_version(name).name))
    figures = {each.name: each.value for each in card.metrics}
    for metric, (lowest, highest) in BOUNDS[name].items():
        assert lowest <= figures[metric] <= highest, metric
    assert card.metrics[0].standard_error
    assert card.seeds
    assert card.robustness
    assert bool(card.ablations) == ("--ablations" in (card.command or ""))
    assert card.command is not None
    assert card.command.startswith(f"tfgate train {name}")


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_every_operation_runs_on_a_cpu_and_all_arithmetic_also_on_a_gpu(name: str) -> None:
    devices = devices_by_operation(shipped_version(name))
    assert all("CPU" in each for each in devices.values())
    assert {operation for operation in devices if "GPU" not in devices[operation]} <= CPU_ALONE


@pytest.mark.parametrize(("name", "megabytes"), [("sentiment", 16), ("image", 9), ("housing", 5)])
def test_a_version_is_no_larger_than_promised(name: str, megabytes: int) -> None:
    sizes = [path.stat().st_size for path in shipped_version(name).rglob("*") if path.is_file()]
    assert sum(sizes) <= megabytes * 1e6
