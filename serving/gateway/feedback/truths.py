"""The truths that have come to any gateway, told to the guards of the releases that run here."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from serving.errors import StoreUnavailable
from serving.gateway.feedback.store import Side, Store
from serving.gateway.feedback.sums import (
    CORRECT,
    LABELS,
    NUMBERS,
    SQUARED_ERROR,
    SQUARED_ERROR_SQUARED,
    Amounts,
)
from serving.gateway.releases.guard import GuardJudge
from serving.gateway.releases.running import Running
from serving.gateway.telemetry import metrics

_POLL_SECONDS = 1
_GROWING = (LABELS, CORRECT, NUMBERS, SQUARED_ERROR, SQUARED_ERROR_SQUARED)


class Truths:
    """By how much the sums in the store have grown, second by second."""

    def __init__(self, store: Store, running: Mapping[str, Running]) -> None:
        """`running` are the releases by model, whichever these are at the time."""
        self._store = store
        self._running = running
        self._before: dict[tuple[str, Side], Amounts] = {}

    async def follow(self) -> None:
        """Tell the guards, until cancelled."""
        while True:
            with suppress(StoreUnavailable):
                await self.tell()
            await asyncio.sleep(_POLL_SECONDS)

    async def tell(self) -> None:
        """Tell what has come since this was done last; what was there at first is no news.

        Raises:
            StoreUnavailable: the store cannot be used.
        """
        found: dict[tuple[str, Side], Amounts] = {}
        for model, running in list(self._running.items()):
            if running.candidate is None:
                continue
            sums = await self._store.sums(model)
            for side in (
                Side(running.stable, metrics.STABLE),
                Side(running.candidate, metrics.CANDIDATE),
            ):
                found[model, side] = now = sums.get(side, {})
                if (before := self._before.get((model, side))) is not None:
                    _tell(running.judge, side.route, before, now)
        self._before = found


def _tell(judge: GuardJudge, route: str, before: Amounts, now: Amounts) -> None:
    grown = {name: now.get(name, 0) - before.get(name, 0) for name in _GROWING}
    # A store that was emptied begins anew; what has come to it since cannot be told from before.
    if min(grown.values()) < 0 or grown[CORRECT] > grown[LABELS]:
        return
    if num_labels := round(grown[LABELS]):
        judge.observe_truths(route, num_labels, round(grown[CORRECT]))
    if num_numbers := round(grown[NUMBERS]):
        squares = grown[SQUARED_ERROR], grown[SQUARED_ERROR_SQUARED]
        judge.observe_squared_errors(route, num_numbers, *squares)
