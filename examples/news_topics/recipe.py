"""How the topics of newswires are learned."""

import numpy as np
from sklearn.model_selection import train_test_split

from training.data.examples import Examples, Splits
from training.outputs.acceptance import AcceptanceGate
from training.texts.recipe import labels_recipe

from . import NUM_MAIN_TOPICS
from .reuters import load


def split(development: Examples) -> Splits:
    """Hold out a tenth at random."""
    rows = np.arange(len(development))
    train, validation = train_test_split(rows, test_size=0.1, random_state=0)
    method = "ModApte; a tenth of its training part at random for validation"
    return Splits(development.take(train), development.take(validation), method)


RECIPE = labels_recipe(
    task="the topics of a newswire, each",
    load=load,
    split=split,
    num_mains=NUM_MAIN_TOPICS,
    gate=AcceptanceGate("micro_f1", minimum=0.88),
)
