"""Which network is the best of several, and whether it is good enough to be exported."""

from dataclasses import dataclass
from math import inf, isfinite

from training.errors import BelowGate
from training.outputs.evaluation import Evaluation


@dataclass(frozen=True)
class AcceptanceGate:
    """The bounds of a metric on the validation part, outside of which nothing is exported."""

    metric: str
    minimum: float = -inf
    maximum: float = inf

    def rank(self, evaluation: Evaluation) -> float:
        """Give a number that is the lower, the better the metric is."""
        return self.rank_value(self._value(evaluation))

    def rank_value(self, value: float) -> float:
        """Give that number for a value of the metric."""
        return value if self.maximum < inf else -value

    def check(self, evaluation: Evaluation) -> None:
        """Do nothing if the metric is within the bounds.

        Raises:
            BelowGate: it is not.
        """
        value = self._value(evaluation)
        if not self.minimum <= value <= self.maximum:
            raise BelowGate(
                f"{self.metric} is {value:g} on the validation part, and must be {self._bounds()}: "
                "nothing was exported; check the data, or change the recipe's hyper-parameters"
            )

    def _bounds(self) -> str:
        bounds = {"at least": self.minimum, "at most": self.maximum}
        return " and ".join(
            f"{word} {bound:g}" for word, bound in bounds.items() if isfinite(bound)
        )

    def _value(self, evaluation: Evaluation) -> float:
        return evaluation.figures[self.metric]
