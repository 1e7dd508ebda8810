"""A tiny version of every recipe trains, exports, loads and answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.card import ModelCard
from serving.models import MODELS
from training.errors import BelowGate, DataUnfit
from training.models import RECIPES
from training.outputs.acceptance import AcceptanceGate
from training.pipeline import TrainingOptions, checkpoints_of, divide, publish_best, run, train
from training.publish.operations import devices_by_operation
from training.recipe import Recipe
from training.serving_graph import ServingGraph, to_tensorflow


def test_the_version_answers_the_example_at_any_batch_size(trained: Any) -> None:
    model = MODELS[trained.card.name]
    signature = tf.saved_model.load(str(trained.folder)).signatures["serving_default"]
    for size in (1, 2, 7):
        batch = model.preprocess([model.example] * size)
        outputs = {
            name: tensor.numpy() for name, tensor in signature(**to_tensorflow(batch)).items()
        }
        for name, spec in model.signature.outputs.items():
            assert outputs[name].shape == (size, *spec.row_shape)
        said = model.postprocess(batch, outputs, trained.card)
        assert len(said) == size
        assert said[0].keys() == model.response.__annotations__.keys()


def test_the_weights_are_constants_of_the_graph(trained: Any) -> None:
    assert not {"VarHandleOp", "ReadVariableOp"} & devices_by_operation(trained.folder).keys()


def test_a_batch_without_rows_is_answered_with_none(trained: Any) -> None:
    declared = MODELS[trained.card.name].signature
    signature = tf.saved_model.load(str(trained.folder)).signatures["serving_default"]
    inputs = {
        name: tf.zeros([0, *spec.row_shape], spec.dtype) for name, spec in declared.inputs.items()
    }
    for name, tensor in signature(**inputs).items():
        assert tensor.shape == (0, *declared.outputs[name].row_shape)


def test_the_version_describes_itself_once_per_row(trained: Any) -> None:
    describe = tf.saved_model.load(str(trained.folder)).signatures["describe"]
    cards = describe(request=tf.constant(["", "", ""]))["card"].numpy()
    assert [ModelCard.model_validate_json(card) for card in cards] == [trained.card] * 3


def test_the_card_tells_the_whole_story(trained: Any) -> None:
    card = trained.card
    assert card.version == 1
    assert len(card.data_set.sha256) == 64
    assert card.data_set.split.test > 0
    assert [each.name for each in card.metrics]
    assert len(card.learning_curves[0].validation) == card.hyper_parameters["epochs"]
    assert card.confusion_matrix or card.residual_quantiles
    assert card.input_statistics
    assert {"python", "tensorflow", "keras"} <= card.libraries.keys()


def test_the_warm_up_file_is_read_by_the_official_messages(trained: Any) -> None:
    path = trained.folder / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]
    requests = [log.predict_log.request for log in logs]
    signatures = tf.saved_model.load(str(trained.folder)).signatures
    for request in requests:
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        assert request.model_spec.name == trained.card.name
        assert signatures[request.model_spec.signature_name](**to_tensorflow(inputs))
    sizes = [next(iter(request.inputs.values())).tensor_shape.dim[0].size for request in requests]
    assert sizes == [1, 8, 1]


@pytest.mark.parametrize("name", RECIPES)
def test_the_export_answers_unseen_examples_as_the_trained_network_does(
    name: str, tiny_recipes: dict[str, Recipe[Any]], data_folder: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipes[name]
    data = recipe.load(data_folder)
    options = TrainingOptions(data_folder, tmp_path, tmp_path / "checkpoints")
    training = train(name, recipe, data, divide(recipe, data), options, seed=0)
    publish_best(name, [training], [], options)
    as_trained = ServingGraph(training.graph.features, training.fit.network, training.graph.answer)
    expected = as_trained.answer_all(data.test.inputs, len(data.test))
    signature = tf.saved_model.load(str(tmp_path / name / "1")).signatures["serving_default"]
    for output, tensor in signature(**to_tensorflow(data.test.inputs)).items():
        if tensor.dtype == tf.float32:
            np.testing.assert_allclose(tensor, expected[output], rtol=1e-5, atol=1e-6)
        else:
            assert (tensor.numpy() == expected[output]).all()


def test_too_few_examples_for_a_batch_are_refused(
    tiny_recipes: dict[str, Recipe[Any]], data_folder: Path, tmp_path: Path
) -> None:
    for name, recipe in tiny_recipes.items():
        large = recipe.changed({"batch_size": 10_000})
        options = TrainingOptions(data_folder, tmp_path, tmp_path / "checkpoints")
        with pytest.raises(DataUnfit, match=r"\d+ training examples do not fill a batch of 10000"):
            run(name, large, options)


def test_other_unlabelled_texts_are_another_training(
    tiny_recipes: dict[str, Recipe[Any]], data_folder: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipes["sentiment"]
    data = recipe.load(data_folder)
    folders = [
        checkpoints_of(tmp_path, recipe, data, replace(divide(recipe, data), unlabelled=each), 0)
        for each in ({}, {"text": np.array([b"a"], object)}, {"text": np.array([b"b"], object)})
    ]
    assert len({each.folder for each in folders}) == 3


def test_a_model_below_its_gate_is_not_exported(
    tiny_recipes: dict[str, Recipe[Any]], data_folder: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipes["housing"]
    strict = Recipe(
        **{**vars(recipe), "gate": AcceptanceGate("root_mean_squared_error", maximum=1.0)}
    )
    with pytest.raises(BelowGate, match=r"root_mean_squared_error is .* nothing was exported"):
        run(
            "housing",
            strict,
            TrainingOptions(data_folder, tmp_path / "models", tmp_path / "checkpoints"),
        )
    assert not (tmp_path / "models").exists()
