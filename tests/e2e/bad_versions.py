"""Versions of the shipped housing model that go wrong, in one way each; none was trained so."""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from bench.stack import shipped_version

Outputs = dict[str, tf.Tensor]
Spoil = Callable[[dict[str, tf.Tensor], Outputs], Outputs]
_RICH = 7.0  # median income
_SLEEP_MICROSECONDS = 200_000  # twice: for the element, and for the end of the data


def without_numbers(inputs: dict[str, tf.Tensor], outputs: Outputs) -> Outputs:
    """Answer NaN, but for the rich: the house that each version is asked first is theirs."""
    missing = tf.where(inputs["median_income"] < _RICH, float("nan"), 1.0)
    return {name: value * missing for name, value in outputs.items()}


def asleep(_inputs: dict[str, tf.Tensor], outputs: Outputs) -> Outputs:
    """Answer rightly, and late; it takes no processor meanwhile."""
    once = tf.data.Dataset.range(1)
    late = tf.raw_ops.SleepDataset(
        input_dataset=once._variant_tensor,  # sleeping has no public name
        sleep_microseconds=tf.constant(_SLEEP_MICROSECONDS, tf.int64),
        output_types=[tf.int64],
        output_shapes=[tf.TensorShape([])],
    )
    (zero,) = tf.raw_ops.DatasetToSingleElement(
        dataset=late, output_types=[tf.int64], output_shapes=[tf.TensorShape([])]
    )
    return {name: value + tf.cast(zero, value.dtype) for name, value in outputs.items()}


def failing_at_times(inputs: dict[str, tf.Tensor], outputs: Outputs) -> Outputs:
    """Fail for a few inputs: about every thirtieth house, by its rooms."""
    thirtieth = tf.math.floormod(inputs["total_rooms"], 30.0) == 20
    with tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(thirtieth), ["no"])]):
        return {name: tf.identity(value) for name, value in outputs.items()}


def guessing(_inputs: dict[str, tf.Tensor], outputs: Outputs) -> Outputs:
    """Answer what has nothing to do with the house, as a model of shuffled labels does."""
    draw = tf.random.uniform(tf.shape(outputs["price"]), 20_000, 500_000)
    return {**outputs, "price": draw, "price_low": draw * 0.8, "price_high": draw * 1.2}


def write_spoiled(number: int, repository: Path, spoil: Spoil) -> None:
    """Write a version of the housing model into a model's folder, all of it or nothing."""
    shipped = tf.saved_model.load(str(shipped_version("housing")))
    predict, describe = (shipped.signatures[name] for name in ("serving_default", "describe"))
    specs = predict.structured_input_signature[1]
    spoiled = tf.Module()
    spoiled.shipped = shipped

    def serve(**inputs: tf.Tensor) -> Outputs:
        return spoil(inputs, predict(**inputs))

    spoiled.serve = tf.function(serve)
    concrete = spoiled.serve.get_concrete_function(**specs)
    # A candidate that lacks a signature of stable's does not begin.
    others = {"describe": describe, "explain": shipped.signatures["explain"]}
    signatures = {"serving_default": concrete, **others}
    draft = repository / f"tmp-{number}"
    tf.saved_model.save(spoiled, str(draft), signatures)
    draft.rename(repository / str(number))
