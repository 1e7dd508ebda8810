"""Explains answers to texts by leaving out each of their words, in a graph.

What it gives beside the answers is described in `serving.words_left_out`.
"""

import tensorflow as tf

from training.gradients import complete
from training.serving_graph import Batch, Network

MOST_WORDS = 256  # that are left out in turn; those beyond get nothing


class WordsLeftOut(tf.Module):
    """Explains the class with the highest of `scores` among `classes`, outputs of `answer`."""

    def __init__(self, answer: Network, *, scores: str, classes: str) -> None:
        """Take the whole way from inputs, which are `text` alone, to the signature's outputs."""
        super().__init__()
        self._answer = answer
        self._scores, self._classes = scores, classes

    def __call__(self, inputs: Batch) -> dict[str, tf.Tensor]:
        """Give the answers and what each word adds, for string[batch]."""
        outputs = self._answer(inputs)
        best = tf.argmax(outputs[self._scores], axis=1, output_type=tf.int32)  # [batch]
        words = tf.strings.split(inputs["text"])  # [batch, (word)]
        longest = tf.reduce_max(tf.concat([words.row_lengths(), [0]], axis=0))

        def explain(each: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            added, base = self._explain(*each)
            added = tf.pad(added, [[0, MOST_WORDS - tf.shape(added)[0]]])
            return tf.ensure_shape(added, [MOST_WORDS]), base  # no texts have none of any length

        # One text at a time: memory is bounded, and no other has a say.
        added, base = tf.map_fn(
            explain,
            (words, best),
            fn_output_signature=(tf.TensorSpec([MOST_WORDS]), tf.TensorSpec([])),
            parallel_iterations=1,
        )
        return {
            **outputs,
            "explained": tf.gather(outputs[self._classes], best, axis=1, batch_dims=1),
            "base": base,
            "contributions": added[:, :longest],
        }

    def _explain(self, words: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Give float32[word] and float32[], the base, for string[word] and int32[]."""
        taken, rest = words[:MOST_WORDS], tf.strings.reduce_join(words[MOST_WORDS:], separator=" ")
        kept = ~tf.eye(tf.shape(taken)[0], dtype=tf.bool)  # [word, word]
        without = tf.strings.reduce_join(tf.where(kept, taken, ""), axis=1, separator=" ")
        whole = tf.strings.reduce_join(taken, separator=" ")
        texts = tf.concat([[whole + " " + rest, " " + rest], without + " " + rest], axis=0)
        scores = self._answer({"text": texts})[self._scores][:, label]  # [2 + word]
        odds = tf.math.log(scores) - tf.math.log1p(-tf.minimum(scores, 1 - 1e-7))
        missing = odds[0] - odds[2:]  # [word]
        return complete(missing, odds[0] - odds[1]), odds[1]
