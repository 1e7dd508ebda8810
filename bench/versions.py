"""What a version's graph costs beside an earlier one's, with batches that are like real ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from bench.one_thread import load, time_in_turns
from serving.contract import Tensors
from tfgate.loadtest.users.words import WORDS
from training.publish.warmup import FILE_NAME

BATCHES = (1, 32)
TEXTS = ((1, 20), (1, 200), (1, 800), (32, 200))  # how many, and of how many words


@dataclass(frozen=True)
class Timing:
    """Median milliseconds of a call."""

    batch: str
    earlier: float
    later: float


def compare(earlier: Path, later: Path, *, bfloat16: bool = False) -> Iterator[Timing]:
    """Time both, folders of versions, with the same batches in turns; the later in `bfloat16`."""
    answers = [load(earlier), load(later, bfloat16=bfloat16)]
    for name, batch in _batches(_warmup(later)):
        yield Timing(name, *time_in_turns(answers, batch))


def _warmup(folder: Path) -> Tensors:
    """Read the first request with which a server warms the version up."""
    (record, *_) = tf.data.TFRecordDataset(str(folder / FILE_NAME)).as_numpy_iterator()
    log = prediction_log_pb2.PredictionLog.FromString(record)
    inputs = log.predict_log.request.inputs
    return {name: tf.make_ndarray(tensor) for name, tensor in inputs.items()}


def _batches(some: Tensors) -> Iterator[tuple[str, Tensors]]:
    """Give batches by what they are: of texts, if the version takes these, or of its rows."""
    if set(some) == {"text"}:
        random = np.random.default_rng(0)
        for num_texts, num_words in TEXTS:
            texts = [" ".join(random.choice(WORDS, num_words)) for _ in range(num_texts)]
            yield f"{num_texts} of {num_words} words", {"text": np.array(texts, dtype=object)}
        return
    for size in BATCHES:
        yield (
            str(size),
            {name: np.resize(each, (size, *each.shape[1:])) for name, each in some.items()},
        )
