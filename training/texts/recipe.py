"""The recipe of a model that names the labels of a text, the main one and all: what others call."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import softmax

from serving.contract import Tensors
from serving.labels import MAIN
from training.data.examples import Data, Examples, Splits
from training.fit.fitting import predict_validation
from training.outputs import classification, multi_label
from training.outputs.acceptance import AcceptanceGate
from training.outputs.classification import ClassScores, fit_temperature
from training.outputs.evaluation import Evaluation
from training.outputs.multi_label import MULTI_LABEL, LabelScores, choose_thresholds
from training.outputs.slices import Parts, fifths
from training.recipe import Fit, Recipe
from training.serving_graph import ServingGraph, frozen
from training.texts.features import fit_terms
from training.texts.left_out import WordsLeftOut
from training.texts.network import ABLATIONS, SEARCH_SPACE, HyperParameters, describe, prepare

WITHOUT_NETWORK = "support vector machines on words and word pairs"


def labels_recipe(
    *,
    task: str,
    load: Callable[[Path | None], Data],
    split: Callable[[Examples], Splits],
    num_mains: int,
    gate: AcceptanceGate,
    hyper_parameters: HyperParameters = HyperParameters(),  # noqa: B008  # it is frozen
) -> Recipe[HyperParameters]:
    """Make a recipe for examples with a text each, of which the targets are ranks of labels.

    They are int64[example, label]: 1 for the main label, 2 and more for those that apply, too, and
    0 for the others. The main one of an answer is one of the first `num_mains` labels. The
    signature takes `text`, and gives `serving.labels.label_outputs`; its explanation is that of
    `serving.words_left_out`.
    """
    return Recipe(
        task=task,
        hyper_parameters=hyper_parameters,
        load=load,
        split=split,
        describe=describe,
        prepare=partial(prepare, encode=partial(encode, num_mains), loss=LabelsLoss(num_mains)),
        serve=partial(_serve, num_mains),
        outputs=replace(MULTI_LABEL, evaluate=partial(_evaluate, num_mains)),
        gate=gate,
        baselines={WITHOUT_NETWORK: partial(_without_network, num_mains)},
        slices=lambda _fit, test: _slices(test),
        ablations=ABLATIONS,
        search_space=SEARCH_SPACE,
    )


def encode(num_mains: int, targets: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give float32[example, label + main label], 1 for what is true, of the ranks of labels."""
    mains = targets[:, :num_mains] == 1
    return np.concatenate([targets > 0, mains], axis=1, dtype=np.float32)


@keras.saving.register_keras_serializable("tfgate")
class LabelsLoss(keras.losses.Loss):
    """Adds the cross entropies of all labels, and that of the main one, if there is one."""

    def __init__(self, num_mains: int, **options: Any) -> None:
        """Take how many labels, the last columns, may be the main one."""
        super().__init__(**options)
        self.num_mains = num_mains

    def call(self, truth: Any, logits: Any) -> Any:
        """Give float32[batch], for rows as `encode` gives them, and their logits."""
        losses, num_labels = keras.losses, truth.shape[1] - self.num_mains
        of_all = losses.binary_crossentropy(
            truth[:, :num_labels], logits[:, :num_labels], from_logits=True
        )
        of_main = losses.categorical_crossentropy(
            truth[:, num_labels:], logits[:, num_labels:], from_logits=True
        )
        return num_labels * of_all + of_main

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_mains": self.num_mains}


class LabelsAnswer(tf.Module):
    """All labels with their scores, and the main ones with theirs, of logits side by side."""

    def __init__(self, all_labels: LabelScores, mains: ClassScores) -> None:
        super().__init__()
        self._all_labels, self._mains = all_labels, mains

    def __call__(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Give the signature's outputs."""
        num_labels = len(self._all_labels.classes)
        mains = self._mains(logits[:, num_labels:])
        named = {f"{MAIN}{name}": tensor for name, tensor in mains.items()}
        return {**self._all_labels(logits[:, :num_labels]), **named}


def _serve(num_mains: int, fit: Fit) -> ServingGraph:
    """Choose thresholds and temperature on the validation part."""
    num_labels = len(fit.classes)
    (of_all, of_main), (applies, mains) = (
        np.split(each, [num_labels], axis=1) for each in predict_validation(fit)
    )
    thresholds = choose_thresholds(tf.sigmoid(of_all).numpy(), applies)
    known = mains.any(axis=1)
    temperature = fit_temperature(of_main[known], mains[known].argmax(axis=1))
    scaled = ClassScores(fit.classes[:num_mains], temperature)
    answer = LabelsAnswer(LabelScores(fit.classes, thresholds), scaled)
    network = frozen(fit.network)
    explain = WordsLeftOut(
        lambda inputs: answer(network(fit.features(inputs))),
        scores=f"{MAIN}scores",
        classes=f"{MAIN}classes",
    )
    return ServingGraph(fit.features, network, answer, explain=explain)


def _evaluate(num_mains: int, outputs: Tensors, targets: NDArray[np.int64]) -> Evaluation:
    """Measure the main labels, where there is one, and all labels."""
    mains = targets[:, :num_mains] == 1
    known = mains.any(axis=1)
    if not known.any():
        return multi_label.evaluate(outputs, targets)
    of_main = {name: outputs[f"{MAIN}{name}"][known] for name in ("classes", "scores")}
    found = classification.evaluate(of_main, mains[known].argmax(axis=1))
    return replace(found, metrics=[*found.metrics, *multi_label.evaluate(outputs, targets).metrics])


def _slices(examples: Examples) -> Parts:
    """Give fifths by the words of a text, and tell texts with one label from those with several."""
    words = np.array([len(text.split()) for text in examples.inputs["text"].tolist()])
    num_labels = (examples.targets > 0).sum(axis=1)  # [example]
    by_labels = {"none": num_labels == 0, "one": num_labels == 1, "several": num_labels > 1}
    return {"words": fifths(words), "labels that apply": by_labels}


def _without_network(num_mains: int, train: Examples, inputs: Tensors) -> Tensors:
    """Answer by what terms say alone; a label is said to apply where that is more probable."""
    scores, _ = fit_terms(train.inputs["text"], encode(num_mains, train.targets) > 0)
    found = scores.answer_all(inputs["text"])
    names = np.full(found.shape, b"", object)
    of_all, mains = np.split(found, [found.shape[1] - num_mains], axis=1)
    return {
        "classes": names[:, num_mains:],
        "scores": of_all,
        "thresholds": np.zeros_like(of_all),
        f"{MAIN}classes": names[:, :num_mains],
        f"{MAIN}scores": softmax(mains, axis=1),
    }
