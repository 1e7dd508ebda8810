"""Learning rates that change with every step; Keras has all others that a recipe here uses."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgate")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A straight rise to the peak, then a straight fall to almost nothing; perhaps several times.

    Sources: L. Smith, "A disciplined approach to neural network hyper-parameters", arXiv
    1803.09820; I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    arXiv 1608.03983, for beginning anew.
    """

    START = 0.2  # of the peak
    END = 0.01
    NEXT_PEAK = 0.5  # of the one before

    def __init__(self, peak: float, steps: int, rise: float = 0.25, cycles: int = 1) -> None:
        """Divide `steps` into cycles; reach `peak` after the share `rise` of the first."""
        self.peak = peak
        self.steps = steps
        self.rise = rise
        self.cycles = cycles

    def __call__(self, step: Any) -> Any:
        """Give the rate of a step, float32[]."""
        step, cycle_steps = ops.cast(step, "float32"), self.steps / self.cycles
        cycle = ops.minimum(ops.floor(step / cycle_steps), self.cycles - 1)
        done = (step - cycle * cycle_steps) / cycle_steps
        rising = self.START + (1 - self.START) * done / self.rise
        falling = 1 - (1 - self.END) * (done - self.rise) / (1 - self.rise)
        peak = self.peak * self.NEXT_PEAK**cycle
        return peak * ops.maximum(ops.minimum(rising, falling), self.END)

    def get_config(self) -> dict[str, Any]:
        """Give what the constructor takes."""
        return {
            "peak": self.peak,
            "steps": self.steps,
            "rise": self.rise,
            "cycles": self.cycles,
        }
