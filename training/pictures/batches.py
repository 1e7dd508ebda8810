"""The batches of pictures that a network learns from, and is measured on as it does."""

from collections.abc import Callable

import tensorflow as tf

from training.data.examples import Splits
from training.fit.fitting import shuffled

Batches = Callable[[tf.Tensor], tf.data.Dataset]  # by the number of the epoch, int64[]


def picture_batches(
    look: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor],
    features: tf.Module,
    splits: Splits,
    *,
    batch_size: int,
    seed: int,
) -> tuple[Batches, tf.data.Dataset]:
    """Give the batches of an epoch and those of the validation part, with one-hot targets.

    `look` gives what a network sees of some training rows, int32[batch], in an epoch and a step,
    int64[] each; `features`, what it sees of the validation part.
    """
    targets, truth = (
        tf.one_hot(part.targets, len(splits.classes))  # [example, class]
        for part in (splits.train, splits.validation)
    )

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        def batch(step: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return look(rows, epoch, step), tf.gather(targets, rows)

        chosen = shuffled(len(splits.train), batch_size, seed=seed, epoch=epoch)
        return chosen.enumerate().map(batch)

    held_out = features(splits.validation.inputs), truth
    return batches, tf.data.Dataset.from_tensor_slices(held_out).batch(500)
