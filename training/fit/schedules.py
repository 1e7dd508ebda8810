"""Learning rates that change with every step; Keras has all others that a recipe here uses."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgate")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A straight rise to the peak, then a straight fall to almost nothing.

    Source: L. Smith, "A disciplined approach to neural network hyper-parameters", arXiv 1803.09820.
    """

    START = 0.2  # of the peak
    END = 0.01

    def __init__(self, peak: float, steps: int, rise: float = 0.25) -> None:
        """Reach `peak` after the share `rise` of all `steps`."""
        self.peak = peak
        self.steps = steps
        self.rise = rise

    def __call__(self, step: Any) -> Any:
        """Give the rate of a step, float32[]."""
        done = ops.cast(step, "float32") / self.steps
        rising = self.START + (1 - self.START) * done / self.rise
        falling = 1 - (1 - self.END) * (done - self.rise) / (1 - self.rise)
        return self.peak * ops.maximum(ops.minimum(rising, falling), self.END)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "rise": self.rise}
