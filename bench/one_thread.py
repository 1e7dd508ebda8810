"""Times exported graphs on one thread, in turns: a server at work has no other for a request.

What is timed is a session's run of the loaded graph, which is what TensorFlow Serving does: in the
processor's time, so that whatever else the machine does counts less.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import tensorflow as tf

from serving.contract import Tensors
from serving.embedded.flags import Flags
from serving.embedded.session_config import session_config

ROUNDS = 12
TURN_SECONDS = 0.1  # in a row, as a server works: the processor's caches then hold what they need
CALLS = 3  # in a turn at least

Answer = Callable[[Tensors], Tensors]


def load(folder: Path, *, bfloat16: bool = False) -> Answer:
    """Load a version into a session of its own; gives all that its signature does.

    It computes in `bfloat16` as the embedded server does: where the processor can.
    """
    v1 = tf.compat.v1
    precision = "bfloat16" if bfloat16 else ""
    flags = Flags(tensorflow_session_parallelism=1, mixed_precision=precision)
    session = v1.Session(graph=tf.Graph(), config=session_config(flags))
    with session.graph.as_default():
        message = v1.saved_model.load(session, ["serve"], str(folder))
    signature = message.signature_def["serving_default"]
    run = session.make_callable(
        [each.name for each in signature.outputs.values()],
        [each.name for each in signature.inputs.values()],
    )

    def answer(batch: Tensors) -> Tensors:
        outputs = run(*(batch[name] for name in signature.inputs))
        return dict(zip(signature.outputs, outputs, strict=True))

    return answer


def time_in_turns(answers: Sequence[Answer], batch: Tensors) -> list[float]:
    """Give each one's median milliseconds of a call.

    They take turns, so that what else the machine does meets them alike.
    """
    for answer in answers:
        answer(batch)  # what is made at the first call is not timed
    times: list[list[float]] = [[] for _ in answers]
    for _ in range(ROUNDS):
        for answer, own in zip(answers, times, strict=True):
            own.extend(_turn(answer, batch))
    return [1e3 * median(each) for each in times]


def _turn(answer: Answer, batch: Tensors) -> list[float]:
    times: list[float] = []
    while len(times) < CALLS or sum(times) < TURN_SECONDS:
        started = time.process_time()
        answer(batch)
        times.append(time.process_time() - started)
    return times
