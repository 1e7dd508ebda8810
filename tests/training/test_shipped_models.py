"""The versions in `models/` are what `serving/models` declares, and good enough to be shipped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from serving.card import ModelCard
from serving.contract import TensorSpec
from serving.models import MODELS
from training.models import RECIPES
from training.publish.export import no_rows
from training.publish.operations import devices_by_operation
from training.serving_graph import to_tensorflow

REPOSITORY = Path(__file__).parents[2] / "models"
BOUNDS = {
    ("sentiment", "accuracy"): (0.917, 1.0),
    ("sentiment", "expected_calibration_error"): (0.0, 0.02),
    ("image", "accuracy"): (0.90, 1.0),
    ("image", "expected_calibration_error"): (0.0, 0.02),
    ("housing", "root_mean_squared_error"): (0.0, 40_000),
    ("housing", "interval_coverage"): (0.885, 0.915),
    **{
        ("housing", f"interval_coverage_{fifth}_fifth"): (0.85, 0.95)
        for fifth in ("lowest", "second", "middle", "fourth", "highest")
    },
}

# Strings, and the reading of the version itself; TensorFlow Serving puts them on the CPU also where
# there is a GPU.
CPU_ALONE = {
    "MergeV2Checkpoints",
    "RestoreV2",
    "SaveV2",
    "ShardedFilename",
    "StaticRegexFullMatch",
    "StaticRegexReplace",
    "StringJoin",
    "StringLower",
    "StringSplitV2",
    "StringToHashBucketFast",
}

NEIGHBOURS = ["Dull.", "One of the best films I have seen! " * 40, "It's not bad, but " * 7]


def newest_version(name: str) -> int:
    return max(int(folder.name) for folder in (REPOSITORY / name).iterdir())


def load(name: str) -> Any:
    return tf.saved_model.load(str(REPOSITORY / name / str(newest_version(name)))).signatures


def read_card(name: str) -> ModelCard:
    text = load(name)["describe"](request=tf.constant([""]))["card"].numpy()[0]
    return ModelCard.model_validate_json(text)


@pytest.mark.parametrize("name", RECIPES)
def test_signature_and_card_are_as_declared(name: str) -> None:
    signature, declared = load(name)["serving_default"], MODELS[name].signature
    for specs, expected in (
        (signature.structured_input_signature[1], declared.inputs),
        (signature.structured_outputs, declared.outputs),
    ):
        found = {
            tensor: TensorSpec(spec.dtype.name, tuple(spec.shape[1:]))
            for tensor, spec in specs.items()
        }
        assert found == dict(expected)
    card = read_card(name)
    assert (card.name, card.version) == (name, newest_version(name))


@pytest.mark.parametrize(("name", "metric"), BOUNDS)
def test_the_test_figures_are_within_their_bounds(name: str, metric: str) -> None:
    lowest, highest = BOUNDS[name, metric]
    values = {each.name: each.value for each in read_card(name).metrics}
    assert lowest <= values[metric] <= highest


@pytest.mark.parametrize("name", RECIPES)
def test_the_card_says_how_far_the_figures_can_be_trusted(name: str) -> None:
    card = read_card(name)
    assert card.metrics[0].standard_error
    assert card.seeds
    assert card.robustness
    assert card.ablations
    assert card.command is not None
    assert card.command.startswith(f"tfgate train {name}")


@pytest.mark.parametrize("name", RECIPES)
def test_answers_do_not_depend_on_batch_mates(name: str) -> None:
    model = MODELS[name]
    signature = load(name)["serving_default"]
    alone, together = (
        signature(**to_tensorflow(model.preprocess([model.example] * size))) for size in (1, 128)
    )
    for output, tensor in alone.items():
        if tensor.dtype == tf.float32:
            np.testing.assert_allclose(together[output][77], tensor[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("num_rows", [0, 1, 7, 128])
def test_batches_of_any_size_are_answered_row_by_row(name: str, num_rows: int) -> None:
    model = MODELS[name]
    rows = [model.example] * num_rows
    batch = model.preprocess(rows) if num_rows else no_rows(model.signature)
    outputs = load(name)["serving_default"](**to_tensorflow(batch))
    for output, spec in model.signature.outputs.items():
        assert outputs[output].shape == (num_rows, *spec.row_shape)


@pytest.mark.parametrize("name", RECIPES)
def test_every_operation_runs_on_a_cpu_and_all_arithmetic_also_on_a_gpu(name: str) -> None:
    devices = devices_by_operation(REPOSITORY / name / str(newest_version(name)))
    assert all("CPU" in each for each in devices.values())
    assert {operation for operation in devices if "GPU" not in devices[operation]} <= CPU_ALONE


@pytest.mark.parametrize("text", NEIGHBOURS)
def test_a_text_scores_the_same_alone_and_among_longer_and_shorter_ones(text: str) -> None:
    signature = load("sentiment")["serving_default"]
    alone = signature(text=tf.constant([text]))["scores"][0]
    together = signature(text=tf.constant([*NEIGHBOURS, text]))["scores"][-1]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_price_is_always_within_its_interval() -> None:
    random = np.random.default_rng(0)
    inputs = {
        name: tf.constant(random.uniform(seen.minimum, seen.maximum, 500), tf.float32)
        for name, seen in read_card("housing").input_statistics.items()
    }
    inputs["ocean_proximity"] = tf.constant(["no such place"] * 500)
    outputs = load("housing")["serving_default"](**inputs)
    price, low, high = (outputs[name].numpy() for name in ("price", "price_low", "price_high"))
    assert (low <= price).all()
    assert (price <= high).all()
    assert (low < high).mean() > 0.5  # where the limits do not hold all three


@pytest.mark.parametrize(("name", "megabytes"), [("sentiment", 16), ("image", 9), ("housing", 4)])
def test_a_version_is_no_larger_than_promised(name: str, megabytes: int) -> None:
    sizes = [path.stat().st_size for path in (REPOSITORY / name).rglob("*") if path.is_file()]
    assert sum(sizes) <= megabytes * 1e6
