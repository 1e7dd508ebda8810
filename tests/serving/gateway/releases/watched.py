"""A guard's judge with a clock of its own, told of simulated traffic a second at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from serving.gateway.releases.guard import GuardJudge
from serving.gateway.releases.release import Guard


@dataclass
class Behaviour:
    """How one side answers."""

    a_second: float = 50
    failing: float = 0.005
    slower: float = 1.0


class Watched:
    """The judge, and what it is told."""

    def __init__(self, guard: Guard) -> None:
        self.now = 1000.0
        self.judge = GuardJudge(guard, clock=lambda: self.now)
        self.random = np.random.default_rng(1)

    def traffic(
        self,
        seconds: int,
        *,
        stable: Behaviour | None = None,
        candidate: Behaviour | None = None,
        also: Callable[[], None] = lambda: None,
    ) -> str | None:
        """Let time pass until a rule is broken; return it in words."""
        sides = (("stable", stable or Behaviour()), ("candidate", candidate or Behaviour()))
        for _ in range(seconds):
            for route, side in sides:
                self.requests(route, side, int(self.random.poisson(side.a_second)))
            also()
            self.now += 1
            broken = self.judge.judge()
            if broken:
                return broken
        return None

    def requests(self, route: str, side: Behaviour, num: int) -> None:
        """Answer so many requests."""
        failed = (self.random.random(num) < side.failing).tolist()
        seconds = (side.slower * self.random.lognormal(-4, 0.5, num)).tolist()
        for each_failed, each_seconds in zip(failed, seconds, strict=True):
            self.judge.observe(route, failed=each_failed, seconds=each_seconds)

    def says(self, rule: str) -> tuple[str, str]:
        """Return what a rule says now: holds, broken or not judged; and its words."""
        verdicts = {each.rule: each for each in self.judge.figures().verdicts}
        return verdicts[rule].says, verdicts[rule].words
