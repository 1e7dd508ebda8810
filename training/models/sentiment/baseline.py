"""Sentiment by n-grams alone, without any network: what the LSTM must better."""

import numpy as np
from scipy.special import expit

from serving.contract import Tensors
from training.data.examples import Examples
from training.models.sentiment import imdb
from training.models.sentiment.network import HyperParameters
from training.models.sentiment.ngrams import (
    fit_ngrams,
    frequent_ngrams,
    log_count_ratios,
    present_ngrams,
)
from training.models.sentiment.words import number_texts


def ngrams_alone(train: Examples, inputs: Tensors) -> Tensors:
    """Answer by n-grams that were fitted on the labelled texts: the signature's outputs."""
    hyper_parameters = HyperParameters()
    labelled = number_texts(train.inputs["text"]).texts
    known = frequent_ngrams(labelled, least=1)
    present = present_ngrams(labelled, known)
    ratios = log_count_ratios(present, train.targets)
    ngrams = fit_ngrams(known, present, train.targets, ratios, hyper_parameters.ngram_strength)
    logits = ngrams.logits(present_ngrams(number_texts(inputs["text"]).texts, known))
    scores = np.stack([expit(-logits), expit(logits)], axis=1).astype(np.float32)
    classes = np.tile(np.array([name.encode() for name in imdb.CLASSES], object), (len(logits), 1))
    return {"classes": classes, "scores": scores}
