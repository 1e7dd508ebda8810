"""What a network that tells pictures apart serves: scores, sets of classes, familiarity, maps."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from sklearn.neighbors import KNeighborsClassifier

from serving.contract import Tensors
from training.data.examples import Examples
from training.fit.fitting import predict_validation
from training.outputs.conformal import PValues
from training.pictures.answer import PictureAnswer, calibrated
from training.pictures.explanations import LOGITS, Explanations
from training.recipe import Fit
from training.serving_graph import ServingGraph, frozen

FAMILIARITY_METHOD = "the energy of the logits, as a p-value of held-out pictures"


def likeness(seen: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Give float32[batch], the higher the more of what is known: the energy of logits, negated.

    Source: W. Liu et al., "Energy-based Out-of-distribution Detection", arXiv 2010.03759.
    """
    return tf.reduce_logsumexp(seen[LOGITS], axis=1)


def serve(fit: Fit) -> ServingGraph:
    """Calibrate scores, sets of classes and familiarity on the validation part."""
    logits, targets = predict_validation(fit)
    truth = targets.argmax(axis=1)
    scores, p_values = calibrated(fit.classes, logits, truth)
    familiarity = PValues(likeness({LOGITS: logits}).numpy())
    answer = PictureAnswer(scores, p_values, likeness, familiarity)
    network = frozen(keras.Model(fit.network.inputs, {LOGITS: fit.network.output}))
    explain = Explanations(fit.features, network, answer, fit.network.input_shape[1:])
    return ServingGraph(fit.features, network, answer, explain=explain)


def nearest(train: Examples, inputs: Tensors) -> Tensors:
    """Let the three pictures of the training part vote whose pixels are the most similar."""
    known, asked = (
        (pixels.reshape(len(pixels), -1) / 255).astype(np.float32)
        for pixels in (train.inputs["pixels"], inputs["pixels"])
    )
    fitted = KNeighborsClassifier(3).fit(known, train.targets)
    shares = fitted.predict_proba(asked)
    classes = np.array([str(each).encode() for each in fitted.classes_], dtype=object)
    return {"classes": np.broadcast_to(classes, shares.shape), "scores": shares}
