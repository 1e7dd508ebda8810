"""SavedModels equal to the ones that TensorFlow Serving was asked about when it was recorded.

Folders and versions are named as in the recordings; `halves` and its kin are written with
TensorFlow 1's builder, as their originals were, the others with TensorFlow 2's.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from tests.contract.tf_serving import held

PREDICT, CLASSIFY, REGRESS = (f"tensorflow/serving/{m}" for m in ("predict", "classify", "regress"))

v1 = tf.compat.v1


def build_all(folder: Path) -> None:
    """Write every model that the recordings use."""
    build_halves(folder / "saved_model_half_plus_two_cpu" / "00000123")
    for version in ("00000123", "00000124"):
        build_halves(folder / "saved_model_half_plus_two_2_versions" / version)
    build_half_plus_three(folder / "saved_model_half_plus_three" / "00000123")
    build_halves_of_tensorflow_2(folder / "saved_model_half_plus_two_tf2_cpu" / "00000123")
    build_counter(folder / "saved_model_counter" / "00000123")
    build_classifier(folder / "clf" / "1")
    for number in (1, 2):
        build_multi(folder / "multi" / str(number), scale=float(number))
        build_slow(folder / "slow" / str(number))
    build_dtypes(folder / "dtypes" / "1")
    broken = folder / "broken" / "1"
    broken.mkdir(parents=True)
    (broken / "saved_model.pb").write_bytes(b"not a protobuf")
    (folder / "nopb" / "5").mkdir(parents=True)


def build_halves(directory: Path, loads_when_released: bool = False) -> None:
    """y = x / 2 + 2, also as regression and classification of Examples."""
    two_versions = "2_versions" in str(directory)
    with tf.Graph().as_default(), v1.Session() as session:
        a, b, c = (
            v1.get_variable(n, initializer=v) for n, v in (("a", 0.5), ("b", 2.0), ("c", 3.0))
        )
        examples = v1.placeholder(tf.string, name="tf_example")
        x = tf.identity(_feature(examples, "x", 1), name="x")
        y, y2 = tf.add(a * x, b, name="y"), tf.add(a * x, c, name="y2")
        x2 = v1.placeholder(tf.float32, [None, 1], name="x2")
        y3 = tf.add(a * x2, c, name="y3")
        signatures = {
            "serving_default": _signature({"x": x}, {"y": y}, PREDICT),
            "regress_x_to_y": _signature({"inputs": examples}, {"outputs": y}, REGRESS),
            "regress_x_to_y2": _signature({"inputs": examples}, {"outputs": y2}, REGRESS),
            "regress_x2_to_y3": _signature({"inputs": x2}, {"outputs": y3}, REGRESS),
            "classify_x_to_y": _signature({"inputs": examples}, {"scores": y}, CLASSIFY),
        }
        if two_versions:
            signatures["classify_x2_to_y3"] = _signature({"inputs": x2}, {"scores": y3}, CLASSIFY)
        _save(session, directory, signatures, loads_when_released)


def build_half_plus_three(directory: Path) -> None:
    """y = x / 2 + 3, whose regression signature has the name of a method."""
    with tf.Graph().as_default(), v1.Session() as session:
        a = v1.get_variable("a", initializer=0.5)
        examples = v1.placeholder(tf.string, name="tf_example")
        x = tf.identity(_feature(examples, "x", 1), name="x")
        y = tf.add(a * x, 3.0, name="y")
        signatures = {
            "serving_default": _signature({"x": x}, {"y": y}, PREDICT),
            REGRESS: _signature({"inputs": examples}, {"outputs": y}, REGRESS),
        }
        _save(session, directory, signatures)


def build_counter(directory: Path) -> None:
    """A reference variable that requests change."""
    with tf.Graph().as_default(), v1.Session() as session:
        counter = v1.get_variable("counter", initializer=0.0, use_resource=False)
        delta = v1.placeholder(tf.float32, name="delta")
        signatures = {
            "get_counter": _signature({}, {"output": counter}, PREDICT),
            "incr_counter": _signature({}, {"output": v1.assign_add(counter, 1.0)}, PREDICT),
            "incr_counter_by": _signature(
                {"delta": delta}, {"output": v1.assign_add(counter, delta)}, PREDICT
            ),
            "reset_counter": _signature({}, {"output": v1.assign(counter, 0.0)}, PREDICT),
        }
        _save(session, directory, signatures)


def build_classifier(directory: Path) -> None:
    """Three classes from the features `x` (two floats), `n` (default 7) and `tag`."""
    with tf.Graph().as_default(), v1.Session() as session:
        examples = v1.placeholder(tf.string, [None], name="tf_example")
        parsed = v1.io.parse_example(
            examples,
            {
                "x": v1.FixedLenFeature([2], tf.float32),
                "n": v1.FixedLenFeature([1], tf.int64, [7]),
                "tag": v1.FixedLenFeature([1], tf.string, ["none"]),
            },
        )
        x, total = parsed["x"], tf.reduce_sum(parsed["x"], 1, keepdims=True)
        scores = tf.concat([x, total + tf.cast(parsed["n"], tf.float32)], 1, name="scores")
        first = tf.fill(tf.shape(parsed["tag"]), "first")
        last = tf.fill(tf.shape(parsed["tag"]), "sum")
        classes = tf.concat([first, "tag_" + parsed["tag"], last], 1, name="classes")
        inputs = {"inputs": examples}
        both = {"classes": classes, "scores": scores}
        signatures = {
            "serving_default": _signature(inputs, both, CLASSIFY),
            "predict": _signature({"examples": examples}, both, PREDICT),
            "scores_only": _signature(inputs, {"scores": scores}, CLASSIFY),
            "classes_only": _signature(inputs, {"classes": classes}, CLASSIFY),
            "odd_method": _signature(inputs, {"scores": scores}, "my/own/method"),
            "regress": _signature(inputs, {"outputs": total}, REGRESS),
            "regress_rank1": _signature(inputs, {"outputs": total[:, 0]}, REGRESS),
            "regress_bad": _signature(inputs, {"outputs": scores}, REGRESS),
        }
        _save(session, directory, signatures)


def build_halves_of_tensorflow_2(directory: Path) -> None:
    """y = x / 2 + 2 from a tf.function, for an x that may be left out."""
    model = tf.Module()
    model.half = tf.Variable(0.5)
    nothing = tf.constant([0.0])

    def halve(x: Any = nothing) -> dict[str, Any]:
        return {"y": x * model.half + 2.0}

    # Only a function that has not been traced yet exports its default.
    signature = tf.function(halve, input_signature=[tf.TensorSpec([1], tf.float32, "x")])
    tf.saved_model.save(model, str(directory), signatures={"serving_default": signature})


def build_multi(directory: Path, scale: float) -> None:
    """Several inputs and outputs, and signatures of every form."""
    model = tf.Module()
    model.scale = tf.Variable(scale)

    def default(a: Any, k: Any, s: Any) -> dict[str, Any]:
        scaled = a * model.scale
        total = tf.reduce_sum(a, 1) + tf.cast(k, tf.float32) * model.scale
        return {"scaled": scaled, "sum": total, "text_bytes": s + "!", "twice": k * 2}

    def asserts(x: Any) -> dict[str, Any]:
        tf.debugging.Assert(tf.reduce_all(x > 0), ["x must be positive", x])
        return {"y": x}

    def unknown_rank(x: Any) -> dict[str, Any]:
        return {"y": x * 2.0, "shape": tf.shape(x)}

    def double(x: Any) -> dict[str, Any]:
        return {"y": x * 2.0}

    vector = {"x": ([None], tf.float32)}
    halfs = {"h": ([None], tf.float16), "bf": ([None], tf.bfloat16)}
    _export(
        model,
        directory,
        {
            "serving_default": (
                default,
                {"a": ([None, 3], tf.float32), "k": ([None], tf.int64), "s": ([None], tf.string)},
            ),
            "asserts": (asserts, vector),
            "badbatch": (lambda x: {"same": x * 1.0, "twice": tf.concat([x, x], 0)}, vector),
            "halfs": (_echo, halfs),
            "inconsistent": (lambda x: {"same": x * 1.0, "total": tf.reduce_sum(x)}, vector),
            "one": (double, vector),
            "rank2": (double, {"x": ([None, None], tf.float32)}),
            "raw": (
                lambda s_bytes: {"n": tf.strings.length(s_bytes), "out_bytes": s_bytes + ""},
                {"s_bytes": ([None], tf.string)},
            ),
            "special": (lambda x: {"y": x / 0.0}, vector),
            "scalar": (double, {"x": ([], tf.float32)}),
            "fixed": (double, {"x": ([2, 2], tf.float32)}),
            "unknown_rank": (unknown_rank, {"x": (None, tf.float32)}),
            "text": (lambda s: {"out": tf.identity(s)}, {"s": ([None], tf.string)}),
            "cplx": (lambda c: {"c_o": c * 2}, {"c": ([None], tf.complex64)}),
            "types": (_echo, {name: ([None], dtype) for name, dtype in _TYPES.items()}),
        },
    )


def build_slow(directory: Path) -> None:
    """y = 2 x after `n` rounds of work, or once the work is released."""
    held.hold(directory)

    def slow(x: Any, n: Any) -> dict[str, Any]:
        return {"y": x * 2.0 * held.work(directory, tf.reduce_max(n))}

    _export(
        tf.Module(),
        directory,
        {"serving_default": (slow, {"x": ([None], tf.float32), "n": ([None], tf.int32)})},
    )


def build_dtypes(directory: Path) -> None:
    """One signature a dtype, each of which returns what it gets."""
    every = {
        **_TYPES,
        "bf": tf.bfloat16,
        "h": tf.float16,
        "c64": tf.complex64,
        "c128": tf.complex128,
    }
    echo: Callable[[Any], dict[str, Any]] = lambda x: {"y": tf.identity(x)}  # noqa: E731
    _export(
        tf.Module(),
        directory,
        {name: (echo, {"x": ([None], dtype)}) for name, dtype in every.items()},
    )


def write_warmup(version: Path, requests: Iterable[predict_pb2.PredictRequest]) -> None:
    """Give a version requests to replay before it becomes available."""
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


_TYPES = {
    "b": tf.bool,
    "f32": tf.float32,
    "f64": tf.float64,
    "i8": tf.int8,
    "i16": tf.int16,
    "i32": tf.int32,
    "i64": tf.int64,
    "u8": tf.uint8,
    "u16": tf.uint16,
    "u32": tf.uint32,
    "u64": tf.uint64,
    "s": tf.string,
}


def _echo(**inputs: Any) -> dict[str, Any]:
    return {f"{name}_o": tf.identity(value) for name, value in inputs.items()}


def _feature(examples: Any, name: str, size: int) -> Any:
    parsed = v1.io.parse_example(examples, {name: v1.FixedLenFeature([size], tf.float32)})
    return tf.ensure_shape(parsed[name], [None, size])


def _signature(inputs: dict[str, Any], outputs: dict[str, Any], method: str) -> Any:
    info = v1.saved_model.utils.build_tensor_info
    return v1.saved_model.signature_def_utils.build_signature_def(
        {alias: info(tensor) for alias, tensor in inputs.items()},
        {alias: info(tensor) for alias, tensor in outputs.items()},
        method,
    )


def _save(
    session: Any,
    directory: Path,
    signatures: dict[str, Any],
    loads_when_released: bool = False,
) -> None:
    session.run(v1.global_variables_initializer())
    saver = v1.train.Saver() if loads_when_released else None
    if saver:
        restored = session.graph.get_operation_by_name(saver.saver_def.restore_op_name)
        waited = held.work(directory, held.UNTIL_RELEASED)
        saver.saver_def.restore_op_name = tf.group(restored, waited).name
    builder = v1.saved_model.Builder(str(directory))
    builder.add_meta_graph_and_variables(
        session, ["serve"], signature_def_map=signatures, saver=saver
    )
    builder.save()


def _export(model: Any, directory: Path, signatures: dict[str, Any]) -> None:
    """Save functions, each with its inputs' name -> (shape, dtype), as signatures."""
    functions = {}
    for name, (function, inputs) in signatures.items():
        specs = {
            alias: tf.TensorSpec(shape, dtype, alias) for alias, (shape, dtype) in inputs.items()
        }
        functions[name] = tf.function(function).get_concrete_function(**specs)
    tf.saved_model.save(model, str(directory), signatures=functions)
