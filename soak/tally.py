"""What the clients have heard: answers are judged at once, and only what went wrong is kept."""

from collections import Counter

from soak.clients import Outcome
from soak.known_answers import KnownAnswers

MAX_KEPT = 20  # wrong answers; more of them would say nothing new


class Tally:
    """Counts right answers, and keeps wrong ones and errors."""

    def __init__(self, known: KnownAnswers) -> None:
        self._known = known
        self.right: Counter[str] = Counter()  # by model
        self.num_wrong = 0
        self.wrong: list[str] = []
        self.errors: list[Outcome] = []
        self.versions: set[tuple[str, int]] = set()  # that have answered
        self.last_right = 0.0  # when a request began that was answered rightly

    def hear(self, outcome: Outcome) -> None:
        """Judge what came of a request."""
        if not outcome.ok:
            self.errors.append(outcome)
            return
        model, version = outcome.question.model, outcome.document["version"]
        self.versions.add((model, version))
        if self._known.is_right(outcome):
            self.right[model] += 1
            self.last_right = outcome.started
            return
        self.num_wrong += 1
        if self.num_wrong <= MAX_KEPT:
            self.wrong.append(f"version {version} of {model}: {str(outcome.document)[:500]}")
