"""A tiny version of every recipe trains, exports, loads and answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from serving.card import ModelCard
from serving.models import MODELS
from tests.tiny_recipes import Trained
from training.errors import BelowGate, DataUnfit
from training.outputs.acceptance import AcceptanceGate
from training.pipeline import TrainingOptions, checkpoints_of, divide, publish_best, run
from training.publish.operations import devices_by_operation
from training.recipe import Recipe
from training.serving_graph import to_tensorflow

# What the parts of the test part, of which some are large enough to be measured, are told by.
SLICES = {
    "sentiment": {"familiarity", "words", "negations in 100 words"},
    "image": {"familiarity", "brightness", "contrast"},
    "housing": {"familiarity", "age", "cut off", "ocean_proximity", "region"},
}


@pytest.fixture(scope="module")
def signatures(trained: Trained) -> Any:
    return tf.saved_model.load(str(trained.folder)).signatures


def test_the_export_answers_unseen_examples_as_the_trained_network_does(
    trained: Trained, signatures: Any
) -> None:
    training, test = trained.training, trained.training.data.test
    expected = training.graph.reference().answer_all(test.inputs, len(test))
    for output, tensor in signatures["serving_default"](**to_tensorflow(test.inputs)).items():
        if tensor.dtype == tf.float32:
            np.testing.assert_allclose(tensor, expected[output], rtol=1e-5, atol=1e-6)
        else:
            assert (tensor.numpy() == expected[output]).all()


def test_the_gateway_makes_an_answer_of_whatever_the_version_gives(
    trained: Trained, signatures: Any
) -> None:
    model = MODELS[trained.card.name]
    batch = model.preprocess([model.example] * 7)
    tensors = signatures["serving_default"](**to_tensorflow(batch))
    outputs = {name: tensor.numpy() for name, tensor in tensors.items()}
    for name, spec in model.signature.outputs.items():
        assert outputs[name].shape == (7, *spec.row_shape)
    answers = model.postprocess(batch, outputs, trained.card)
    assert len(answers) == 7
    assert answers[0].keys() == model.response.__annotations__.keys()


def test_a_batch_without_rows_is_answered_with_none(trained: Trained, signatures: Any) -> None:
    declared = MODELS[trained.card.name].signature
    inputs = {
        name: tf.zeros([0, *spec.row_shape], spec.dtype) for name, spec in declared.inputs.items()
    }
    for name, tensor in signatures["serving_default"](**inputs).items():
        assert tensor.shape == (0, *declared.outputs[name].row_shape)


def test_the_weights_are_constants_of_the_graph(trained: Trained) -> None:
    assert not {"VarHandleOp", "ReadVariableOp"} & devices_by_operation(trained.folder).keys()


def test_no_signature_stores_for_itself_what_another_has(trained: Trained) -> None:
    message = saved_model_pb2.SavedModel()
    message.ParseFromString((trained.folder / "saved_model.pb").read_bytes())
    graph = message.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    stored = [node.attr["value"].tensor for node in nodes if node.op == "Const"]
    large = [
        (tensor.dtype, tf.make_ndarray(tensor).tobytes())
        for tensor in stored
        if tensor.ByteSize() > 500
    ]
    assert len(large) > 1
    assert len(large) == len(set(large))


def test_the_version_describes_itself_once_per_row(trained: Trained, signatures: Any) -> None:
    cards = signatures["describe"](request=tf.constant(["", "", ""]))["card"].numpy()
    assert [ModelCard.model_validate_json(card) for card in cards] == [trained.card] * 3


def test_the_card_tells_the_whole_story(trained: Trained) -> None:
    card = trained.card
    assert card.version == 1
    assert len(card.data_set.sha256) == 64
    tasks = {
        "sentiment": "classification of a text as negative or positive",
        "image": "classification of a picture as airplane, automobile, bird, cat, deer, dog, frog, "
        "horse, ship or truck",
        "housing": "regression with a 90 % prediction interval",
    }
    assert card.task == tasks[card.name]
    assert card.data_set.split.test > 0
    assert [each.name for each in card.metrics]
    assert len(card.learning_curves[0].validation) == card.hyper_parameters["epochs"]
    assert card.confusion_matrix or card.residual_quantiles
    assert card.robustness
    assert bool(card.probes) == (card.name == "sentiment")
    assert {each.by for each in card.slices} == SLICES[card.name]
    assert all(each.count >= 10 and each.metrics for each in card.slices)
    assert card.input_statistics
    assert {each.count for each in card.histograms} == {card.data_set.split.validation}
    assert all(sum(each.shares) == pytest.approx(1) for each in card.histograms)
    assert {"python", "tensorflow", "keras"} <= card.libraries.keys()


def test_the_warm_up_file_is_read_by_the_official_messages(
    trained: Trained, signatures: Any
) -> None:
    path = trained.folder / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]
    requests = [log.predict_log.request for log in logs]
    for request in requests:
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        assert request.model_spec.name == trained.card.name
        assert signatures[request.model_spec.signature_name](**to_tensorflow(inputs))
    sizes = [next(iter(request.inputs.values())).tensor_shape.dim[0].size for request in requests]
    assert sizes == [1, 8, *[1] * (len(signatures) - 1)]


def test_a_model_outside_of_its_gate_is_not_exported(trained: Trained, tmp_path: Path) -> None:
    training, metric = trained.training, trained.training.recipe.gate.metric
    strict = replace(training.recipe, gate=AcceptanceGate(metric, minimum=2.0, maximum=1e9))
    if metric == "root_mean_squared_error":
        strict = replace(training.recipe, gate=AcceptanceGate(metric, maximum=1.0))
    options = TrainingOptions(None, tmp_path / "models", tmp_path)
    with pytest.raises(
        BelowGate, match=rf"{metric} is .* must be at (least|most) .*: nothing was exported"
    ):
        publish_best(trained.card.name, [replace(training, recipe=strict)], [], options)
    assert not (tmp_path / "models").exists()


def test_tensorflow_has_nothing_to_warn_of(trained: Trained) -> None:
    """As that functions are traced over and over: in the hours of a real training, that is time."""
    assert trained.warnings == []


def test_too_few_examples_for_a_batch_are_refused(
    tiny_recipes: dict[str, Recipe[Any]], data_folder: Path, tmp_path: Path
) -> None:
    for name, recipe in tiny_recipes.items():
        large = recipe.changed({"batch_size": 10_000})
        options = TrainingOptions(data_folder, tmp_path, tmp_path / "checkpoints")
        with pytest.raises(DataUnfit, match=r"\d+ training examples do not fill a batch of 10000"):
            run(name, large, options)


def test_other_splits_unlabelled_texts_or_seeds_are_another_training(
    tiny_recipes: dict[str, Recipe[Any]], data_folder: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipes["sentiment"]
    data = recipe.load(data_folder)
    splits = divide(recipe, data)
    unlabelled = [{"text": np.array([text], object)} for text in (b"a", b"b")]
    others = [
        *[(replace(splits, unlabelled=each), 0) for each in unlabelled],
        (replace(splits, method="fold 1"), 0),
        (splits, 1),
    ]
    folders = {
        checkpoints_of(tmp_path, recipe, data, *each).folder for each in [(splits, 0), *others]
    }
    assert len(folders) == 5
