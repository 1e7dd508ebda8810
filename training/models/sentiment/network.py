"""The sentiment network: what can be set of it, its layers, its loss, and how it learns."""

from dataclasses import dataclass
from typing import Annotated, Any

import keras
from typing_extensions import Doc

from training.block_lstm import BlockLSTM
from training.fit.schedules import OneCycle
from training.models.sentiment.pseudo_labels import Counting
from training.models.sentiment.sequences import PoolSequence, ReverseSequence
from training.models.sentiment.words import PADDING
from training.recipe import AtLeastOne, Positive, Share

EMBEDDING = "words"  # name of a layer


@dataclass(frozen=True)
class HyperParameters(Counting):
    """Sizes of both branches and of their training."""

    embedding_scale: Annotated[Positive, Doc("of the word vectors that the LSTM starts with")] = 0.5
    lstm_units: Annotated[AtLeastOne, Doc("in each direction")] = 48
    word_dropout: Annotated[Share, Doc("of whole words")] = 0.1
    embedding_dropout: Annotated[Share, Doc("of units of the embedding, in all words")] = 0.3
    dropout: Annotated[Share, Doc("of what is pooled of a text")] = 0.4
    learning_rate: Annotated[Positive, Doc("at its peak")] = 3e-3
    averaging: Annotated[Share, Doc("of the weights, over about the last two hundred steps")] = (
        0.995
    )
    batch_size: Annotated[AtLeastOne, Doc("texts in a step")] = 256
    epochs: Annotated[AtLeastOne, Doc("times that each text is seen")] = 4


def build_network(hyper_parameters: HyperParameters, num_tokens: int) -> keras.Model:
    """Give tokens int32[batch, time] and ngrams float32[batch] → float32[batch, 2].

    The result is the logit of the second class: that of the LSTM, where padding never counts, and
    that of the n-grams as it came.
    """
    layers = keras.layers
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    ngrams = keras.Input((), name="ngrams")
    lengths = keras.ops.sum(keras.ops.cast(tokens != PADDING, "int32"), axis=1)  # [batch]
    embed = layers.Embedding(num_tokens, hyper_parameters.embedding_units, name=EMBEDDING)
    pools = []
    for sequence in (tokens, ReverseSequence()(tokens, lengths)):
        words = embed(sequence)  # [batch, time, embedding]
        words = layers.Dropout(hyper_parameters.word_dropout, noise_shape=(None, None, 1))(words)
        words = layers.SpatialDropout1D(hyper_parameters.embedding_dropout)(words)
        states = BlockLSTM(hyper_parameters.lstm_units, return_sequences=True)(
            words
        )  # [batch, time, unit]
        pools.append(PoolSequence()(states, lengths))  # [batch, 2 * unit]
    pooled = layers.Concatenate()(pools)  # [batch, 4 * unit]
    pooled = layers.Dropout(hyper_parameters.dropout)(pooled)
    logit = layers.Dense(1, name="logit")(pooled)  # [batch, 1]
    branches = layers.Concatenate()([logit, layers.Reshape((1,))(ngrams)])  # [batch, 2]
    return keras.Model({"tokens": tokens, "ngrams": ngrams}, branches, name="sentiment")


@keras.saving.register_keras_serializable("tfgate")
def loss(truth: Any, branches: Any) -> Any:
    """Give the cross entropy of what the LSTM says with probabilities of the second class.

    `truth` is float32[batch], `branches` float32[batch, 2] as the network gives it.
    """
    return keras.losses.binary_crossentropy(truth[:, None], branches[:, :1], from_logits=True)


@keras.saving.register_keras_serializable("tfgate")
def accuracy(truth: Any, branches: Any) -> Any:
    """Give the share of texts that the LSTM alone puts on the more probable side."""
    return keras.ops.cast((branches[:, 0] > 0) == (truth > 0.5), "float32")


def compile_network(network: keras.Model, hyper_parameters: HyperParameters, steps: int) -> None:
    """Say how the network learns in so many steps."""
    network.compile(
        keras.optimizers.Adam(
            OneCycle(hyper_parameters.learning_rate, steps, rise=0.2),
            clipnorm=1.0,
            use_ema=True,
            ema_momentum=hyper_parameters.averaging,
        ),
        loss,
        metrics=[accuracy],
        jit_compile=False,  # compiled by XLA, an LSTM trains five times slower on a CPU
    )
