"""SavedModels for generic models, as people write them with TensorFlow and Keras."""

import shutil
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

LARGE_ROWS, LARGE_COLUMNS = 75_000, 1_000  # of float32: 300 MB
WORDS = (b"cat", b"dog", "Käse".encode())
INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
DTYPES: dict[str, NDArray[Any]] = {
    "bool": np.array([True, False, True]),
    **{
        np.dtype(kind).name: np.array([np.iinfo(kind).min, 1, np.iinfo(kind).max], kind)
        for kind in INTEGERS
    },
    "float16": np.array([-1.5, 0.1, 65504], np.float16),
    "bfloat16": np.array([-1.5, 0.1, 3e38], ml_dtypes.bfloat16),
    "float32": np.array([-1.5, 0.1, 3e38], np.float32),
    "float64": np.array([-1.5, 0.1, 1e308], np.float64),
    "string": np.array([b"", b"plain", "größer".encode()], object),
}
# JSON has no room for the small floats, and TensorFlow Serving reads no uint16 from it.
COMMON_DTYPES = [name for name in DTYPES if name not in ("float16", "bfloat16", "uint16")]


def spec(dtype: tf.DType, *shape: int | None) -> tf.TensorSpec:
    return tf.TensorSpec(shape, dtype)


def save(directory: Path, module: tf.Module, **functions: Any) -> None:
    tf.saved_model.save(module, str(directory), signatures=functions)


def two_ids_of_keras(directory: Path) -> None:
    """Keras 3: two int64 inputs, and outputs that have names; `export` adds a signature `serve`."""
    import keras  # noqa: PLC0415  # it takes seconds, and few tests need it

    keras.utils.set_random_seed(1)
    user = keras.Input((), dtype="int64", name="user")
    item = keras.Input((), dtype="int64", name="item")
    taste = keras.layers.Embedding(10, 4)(user) * keras.layers.Embedding(20, 4)(item)
    score = keras.layers.Dense(1, activation="sigmoid")(taste)
    model = keras.Model({"user": user, "item": item}, {"score": score, "taste": taste})
    model.export(str(directory), verbose=False)


def three_signatures(directory: Path) -> None:
    """A module with a state, which is asked in three ways; one is about the state alone."""
    module = tf.Module()
    module.weights = tf.Variable([[1.0, -2.0], [0.5, 4.0], [3.0, 0.25]], dtype=tf.float64)

    @tf.function(input_signature=[spec(tf.float64, None, 3)])
    def project(point: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"projected": point @ module.weights}

    @tf.function(input_signature=[spec(tf.float64, None, 3), spec(tf.float64, None, 3)])
    def distance(start: tf.Tensor, end: tf.Tensor) -> dict[str, tf.Tensor]:
        difference = (start - end) @ module.weights
        return {
            "distance": tf.norm(difference, axis=-1),
            "is_far": tf.norm(difference, axis=-1) > 5,
        }

    @tf.function(input_signature=[spec(tf.int32)])
    def weights(column: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"weights": module.weights[:, column]}

    save(directory, module, serving_default=project, distance=distance, weights=weights)


def sum_explained(directory: Path) -> None:
    """A weighted sum, and by a second signature what each of its parts adds."""
    module = tf.Module()
    module.weights = tf.Variable([2.0, -1.0])

    @tf.function(input_signature=[spec(tf.float32, None, 2)])
    def add(parts: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"sum": tf.linalg.matvec(parts, module.weights)}

    @tf.function(input_signature=[spec(tf.float32, None, 2)])
    def explain(parts: tf.Tensor) -> dict[str, tf.Tensor]:
        return {**add(parts), "added": parts * module.weights}

    save(directory, module, serving_default=add, explain=explain)


def padded_ids(directory: Path) -> None:
    """Texts as numbers, padded with zeros to the longest of a request: int32[batch, any]."""
    module = tf.Module()
    module.vectors = tf.Variable(np.linspace(-1, 1, 33, dtype=np.float32).reshape(11, 3))

    @tf.function(input_signature=[spec(tf.int32, None, None)])
    def mean(ids: tf.Tensor) -> dict[str, tf.Tensor]:
        known = tf.cast(ids > 0, tf.float32)[:, :, tf.newaxis]  # [batch, length, 1]
        total = tf.reduce_sum(tf.gather(module.vectors, ids) * known, axis=1)  # [batch, 3]
        count = tf.maximum(tf.reduce_sum(known, axis=1), 1)  # [batch, 1]
        return {"mean": total / count, "reversed": tf.reverse(ids, [1])}

    save(directory, module, serving_default=mean)


def scalar_input(directory: Path) -> None:
    """No batch anywhere: a number and three others."""
    module = tf.Module()

    @tf.function(input_signature=[spec(tf.float32), spec(tf.float32, 3)])
    def scale(factor: tf.Tensor, vector: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"scaled": factor * vector, "total": factor * tf.reduce_sum(vector)}

    save(directory, module, serving_default=scale)


def scalar_beside_batch(directory: Path) -> None:
    """One input has rows, the other is a number for all of them."""
    module = tf.Module()

    @tf.function(input_signature=[spec(tf.float32, None, 2), spec(tf.float32)])
    def above(point: tf.Tensor, threshold: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"above": tf.reduce_sum(point, axis=1) > threshold}

    save(directory, module, serving_default=above)


def fixed_batch(directory: Path) -> None:
    """As converters write it: four rows, never more or fewer."""
    module = tf.Module()

    @tf.function(input_signature=[spec(tf.float32, 4, 2)])
    def product(pair: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"product": tf.reduce_prod(pair, axis=1)}

    save(directory, module, serving_default=product)


def any_rank(directory: Path) -> None:
    """An input of which the signature tells no shape."""
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec(None, tf.int64)])
    def negate(value: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"negative": -value}

    save(directory, module, serving_default=negate)


def words_in_table(directory: Path) -> None:
    """Texts in; the words are in a file among the assets, and a table is filled at the start."""
    words = directory.parent / "words.txt"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_bytes(b"\n".join(WORDS))
    module = tf.Module()
    module.file = tf.saved_model.Asset(str(words))
    entries = tf.lookup.TextFileInitializer(
        module.file,
        *(tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
        *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
    )
    module.table = tf.lookup.StaticHashTable(entries, default_value=-1)

    @tf.function(input_signature=[spec(tf.string, None)])
    def find(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "id": module.table.lookup(text),
            "same_bytes": text,
            "upper": tf.strings.upper(text),
        }

    save(directory, module, serving_default=find)
    words.unlink()


def hundred_heads(directory: Path) -> None:
    """One network, a hundred outputs."""
    module = tf.Module()
    module.weights = tf.Variable(np.linspace(-2, 2, 800, dtype=np.float32).reshape(8, 100))

    @tf.function(input_signature=[spec(tf.float32, None, 8)])
    def heads(features: tf.Tensor) -> dict[str, tf.Tensor]:
        columns = tf.unstack(features @ module.weights, axis=1)
        return {f"head_{index:02}": column for index, column in enumerate(columns)}

    save(directory, module, serving_default=heads)


def large(directory: Path) -> None:
    """300 MB of zeros, and a row's number added to its mean."""
    module = tf.Module()
    module.table = tf.Variable(tf.zeros([LARGE_ROWS, LARGE_COLUMNS]))

    @tf.function(input_signature=[spec(tf.int64, None)])
    def mean(row: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "mean": tf.reduce_mean(tf.gather(module.table, row), axis=1) + tf.cast(row, "float32")
        }

    save(directory, module, serving_default=mean)
    for file in (directory / "variables").glob("*.data-*"):
        leave_out_zeros(file)


def leave_out_zeros(file: Path) -> None:
    """Write a file anew with holes where it holds nothing but zeros; it reads the same."""
    thin = file.with_suffix(".thin")
    with file.open("rb") as source, thin.open("wb") as target:
        while block := source.read(1 << 20):
            if block.count(0) == len(block):
                target.seek(len(block), 1)
            else:
                target.write(block)
        target.truncate()
    shutil.move(thin, file)


def softmax_over_batch(directory: Path) -> None:
    """Every row's answer depends on the other rows: a tensor with rows that may not be joined."""
    module = tf.Module()

    @tf.function(input_signature=[spec(tf.float32, None)])
    def shares(weight: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"share": tf.nn.softmax(weight, axis=0)}

    save(directory, module, serving_default=shares)


def all_dtypes(directory: Path) -> None:
    """Every dtype that can be sent, given back as it came; `common` has those of all clients."""
    module = tf.Module()
    save(directory, module, serving_default=_same(list(DTYPES)), common=_same(COMMON_DTYPES))


def mean_over_batch(directory: Path) -> None:
    """Rows are compared with their mean: of equal rows each is answered as it is alone."""
    module = tf.Module()

    @tf.function(input_signature=[spec(tf.float32, None, 2)])
    def difference(point: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"difference": point - tf.reduce_mean(point, axis=0)}

    save(directory, module, serving_default=difference)


def _same(names: list[str]) -> Any:
    @tf.function(input_signature=[tf.TensorSpec([None], name, f"{name}_in") for name in names])
    def same(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            f"{name}_out": tf.identity(tensor) for name, tensor in zip(names, tensors, strict=True)
        }

    return same


def complex_numbers(directory: Path) -> None:
    """A dtype that no protocol has, in one signature; the other has none of it."""
    module = tf.Module()

    @tf.function(input_signature=[spec(tf.complex64, None)])
    def spectrum(wave: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"conjugate": tf.math.conj(wave)}

    @tf.function(input_signature=[spec(tf.float32, None)])
    def twice(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"twice": x * 2}

    save(directory, module, serving_default=spectrum, real=twice)


def optional_input(directory: Path) -> None:
    """One input may be left out; the SavedModel says what it is then."""
    module = tf.Module()
    ten, two = tf.constant([10.0]), tf.constant(2.0)

    @tf.function(input_signature=[spec(tf.float32, None), spec(tf.float32, None)])
    def add(x: tf.Tensor, more: tf.Tensor = ten) -> dict[str, tf.Tensor]:
        return {"total": x + more}

    @tf.function(input_signature=[spec(tf.float32, None), spec(tf.float32)])
    def scale(x: tf.Tensor, factor: tf.Tensor = two) -> dict[str, tf.Tensor]:
        return {"scaled": x * factor}

    save(directory, module, serving_default=add, scale=scale)
