"""What each word of a text adds to the log-odds of the second class: through n-grams and the LSTM.

What an n-gram adds is shared by its words; what words add to what the LSTM says is found by
integrated gradients. With the base, all words add up to the answer's logit.
"""

from typing import Any

import tensorflow as tf

from training.models.sentiment.answer import BRANCHES, SentimentAnswer
from training.models.sentiment.attributions import Attributions
from training.models.sentiment.places import characters
from training.models.sentiment.words import NUM_WORDS, PADDING, TextFeatures, split_words, table
from training.serving_graph import Batch, Network


class Explanations(tf.Module):
    """Explains what `network` makes of the features, and `answer` of that."""

    def __init__(
        self,
        features: TextFeatures,
        network: Network,
        answer: SentimentAnswer,
        attributions: Attributions,
    ) -> None:
        super().__init__()
        self._features = features
        self._network = network
        self._answer = answer
        self._attributions = attributions

    def __call__(self, inputs: Batch) -> dict[str, tf.Tensor]:
        """Give what the signature `explain` does: the answers, and what each word adds.

        All is padded on the right, for texts of fewer words: words with "", the rest with 0.
        """
        seen = self._network(self._features(inputs))
        blend = self._answer.blend
        of_lstm, of_ngrams = tf.unstack(blend.of(seen[NUM_WORDS]), axis=1)  # [batch] each
        added, bases = self._of_lstm(inputs["text"], seen[BRANCHES][:, 0])
        numbers = self._features.see(inputs["text"]).numbers
        of_words = self._features.ngram_scores.contributions(numbers)  # [batch, longest]
        added = of_lstm[:, None] * added + of_ngrams[:, None] * of_words
        words, places, shape = split_words(inputs["text"])
        starts, ends = characters(inputs["text"], words)
        columns = {
            "words": table(words, places, shape, ""),
            "starts": table(starts, places, shape, 0),
            "ends": table(ends, places, shape, 0),
            "contributions": added,
        }
        return {
            **self._answer(seen),
            **{name: tf.ensure_shape(column, [None, None]) for name, column in columns.items()},
            "base": of_lstm * bases + of_ngrams * self._features.ngram_scores.bias + blend.bias,
        }

    def _of_lstm(self, texts: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Give what words add to the LSTM's logits, float32[batch, longest], and bases."""
        seen = self._features.see(texts)
        most, time = self._features.max_tokens, tf.shape(seen.tokens)[1]

        def explain(each: tuple[Any, ...]) -> tuple[tf.Tensor, tf.Tensor]:
            tokens, logit = each
            length = tf.reduce_sum(tf.cast(tokens != PADDING, tf.int32))
            added, base = self._attributions(tokens, length, logit)
            # No texts have no explanations of one length alone.
            return tf.ensure_shape(tf.pad(added, [[0, most - time]]), [most]), base

        # One text at a time, over its own length: no other has a say, and memory is bounded.
        added, bases = tf.map_fn(
            explain,
            (seen.tokens, logits),
            fn_output_signature=(tf.TensorSpec([most]), tf.TensorSpec([])),
            parallel_iterations=1,
        )
        rows = tf.broadcast_to(tf.range(tf.shape(logits)[0])[:, None], tf.shape(seen.places))
        where = tf.stack([rows, seen.places], axis=2)  # [batch, time, 2]
        return tf.scatter_nd(where, added[:, :time], tf.shape(seen.numbers)), bases
