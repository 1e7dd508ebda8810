"""Two models that tfgate does not know: small networks on rows of numbers, made up at run time.

`python -m bench.foreign_models FOLDER` exports them into a repository, with TensorFlow.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

WIDTHS = {"narrow": 9, "wide": 64}  # numbers a row
NUM_UNITS = 32


def export(repository: Path) -> None:
    """Write one version of each; they are the same every time."""
    import tensorflow as tf  # noqa: PLC0415 - the harness itself stays small

    for name, width in WIDTHS.items():
        module = _network(width)
        signatures = {"serving_default": module.serve}
        tf.saved_model.save(module, str(repository / name / "1"), signatures)


def _network(width: int) -> Any:
    import tensorflow as tf  # noqa: PLC0415

    random = np.random.default_rng(width)
    module = tf.Module()
    module.hidden = tf.Variable(random.normal(size=(width, NUM_UNITS)).astype(np.float32))
    module.output = tf.Variable(random.normal(size=(NUM_UNITS, 1)).astype(np.float32))

    def serve(x: Any) -> Any:
        hidden = tf.tanh(x @ module.hidden)  # [batch, units]
        return {"y": tf.squeeze(hidden @ module.output, axis=1)}  # [batch]

    module.serve = tf.function(serve, [tf.TensorSpec([None, width], tf.float32, "x")])
    return module


if __name__ == "__main__":
    export(Path(sys.argv[1]))
