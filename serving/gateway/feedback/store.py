"""What a store does: keeps answers until their truths come, and what both sum up to."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from serving.errors import StoreUnavailable
from serving.gateway.feedback.answers import Asked, KeptAnswer
from serving.gateway.feedback.sums import Amounts
from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.feedback")
VERDICT_SECONDS = 30 * 86_400  # for which it is remembered that a release was taken back


class Side(NamedTuple):
    """Whose sums they are: of a version's answers, by the route on which requests came to it."""

    version: int
    route: str


class Join(NamedTuple):
    """An answer, and what the truths of its rows add to the sums, by the row's index."""

    answer: KeptAnswer
    amounts: Mapping[int, Amounts]


class Store(Protocol):
    """Where answers and sums are kept, for all gateways that share it.

    Every method raises StoreUnavailable while it cannot be used, and tries anew when called again.
    """

    async def keep(self, answers: Sequence[KeptAnswer]) -> None:
        """Keep answers for a while; one to the same request takes the place of the other."""

    async def find(self, asked: Sequence[Asked]) -> list[KeptAnswer | None]:
        """Return the answers that are known, in the order in which they are asked for."""

    async def join(self, joins: Sequence[Join]) -> list[list[int] | None]:
        """Add up what was not added before, and return whose rows these were: all of it, or none.

        None stands for an answer that is no longer there.
        """

    async def sums(self, model: str) -> dict[Side, Amounts]:
        """Return a model's sums; those to which nothing came for as long as answers are kept go."""

    async def take_back(self, identity: str, reason: str) -> None:
        """Remember that a release was taken back; the first reason stays."""

    async def taken_back(self) -> dict[str, str]:
        """Return what was taken back in the last VERDICT_SECONDS, with the reasons."""

    async def close(self) -> None:
        """Leave the store."""


class Availability:
    """Knows whether the store can be used, and tells of each change once."""

    def __init__(self, store: str, where: str, failures: tuple[type[Exception], ...]) -> None:
        """`store` is told to callers, `where` only to the operators; neither has a password."""
        self._store = store
        self._where = where
        self._failures = failures
        self.is_up = True

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Translate what goes wrong with the store."""
        try:
            yield
        except self._failures as error:
            if self.is_up:
                message = "the store of feedback cannot be used, %s: %s; predictions go on"
                _LOGGER.error(message, self._where, error)
            self._note(is_up=False)
            raise StoreUnavailable(
                f"the store of feedback, {self._store}, does not work"
            ) from error
        if not self.is_up:
            _LOGGER.warning("the store of feedback works again: %s", self._where)
        self._note(is_up=True)

    def _note(self, *, is_up: bool) -> None:
        self.is_up = is_up
        metrics.STORE_UP.set(is_up)
