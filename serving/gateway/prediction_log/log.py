"""The way of predictions into the log, in blocks, beside the requests: none waits for it."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from serving.gateway.inference.answered import Answered
from serving.gateway.inference.inference import Onlooker
from serving.gateway.prediction_log.files import Files, Format
from serving.gateway.prediction_log.receiver import Receiver
from serving.gateway.prediction_log.records import Record, Way, records_of
from serving.gateway.telemetry import prediction_log_metrics as metrics

_LOGGER = logging.getLogger("tfgate.prediction_log")
_BLOCK_SECONDS = 0.5
_MAX_WAITING = 2_000  # requests, between two blocks
_MAX_BYTES_WAITING = 64_000_000
_WHOLE = 2**64


class Target(Protocol):
    """What takes records."""

    def write(self, records: Sequence[Record]) -> None:
        """Take records.

        Raises:
            OSError: it cannot.
        """

    def close(self) -> None:
        """Take no more, and let go of what was kept back."""


def target_of(place: str, form: Format, max_bytes: int) -> Target:
    """Make what a setting names: an address that takes events, or a folder."""
    is_address = place.startswith(("http://", "https://"))
    return Receiver(place) if is_address else Files(Path(place), form, max_bytes)


class PredictionLog:
    """Writes a share of what is shown to `hear`, an onlooker of predictions."""

    def __init__(self, target: Target, percent: float, ways: Mapping[str, Way]) -> None:
        self._target = target
        self._percent = percent
        self._ways = ways
        self._shown: list[Answered] = []
        self.hear: Onlooker = self._shown.append  # nothing more on a request's way
        self._is_down = False

    async def follow(self) -> None:
        """Write what gathers, until cancelled."""
        while True:
            await asyncio.sleep(_BLOCK_SECONDS)
            await self._write()

    async def close(self) -> None:
        """Write what is left."""
        await self._write()
        try:
            await asyncio.to_thread(self._target.close)
        except OSError as error:
            _LOGGER.error("the end of the prediction log is lost: %s", error)

    async def _write(self) -> None:
        taken = self._taken()
        if taken:
            # In a thread: it encodes, and waits for a disk or a network.
            await asyncio.to_thread(self._write_block, taken, time.time())

    def _taken(self) -> list[Answered]:
        """Take what was shown and is drawn, as far as there is room."""
        drawn = [each for each in self._shown if is_drawn(each.context.request_id, self._percent)]
        self._shown.clear()
        taken, num_bytes = drawn[:_MAX_WAITING], 0
        for number, answered in enumerate(taken):
            num_bytes += sum(array.nbytes for array in answered.inputs.values())
            if num_bytes > _MAX_BYTES_WAITING and number:
                taken = taken[:number]
                break
        metrics.RECORDS.labels(metrics.DROPPED_BY_CROWD).inc(len(drawn) - len(taken))
        return taken

    def _write_block(self, taken: Sequence[Answered], now: float) -> None:
        records = [record for each in taken for record in records_of(each, now, self._ways)]
        try:
            self._target.write(records)
        except OSError as error:
            metrics.RECORDS.labels(metrics.DROPPED_BY_TARGET).inc(len(taken))
            if not self._is_down:
                _LOGGER.error("predictions are not logged for now: %s", error)
            self._is_down = True
            return
        if self._is_down:
            _LOGGER.info("predictions are logged again")
        self._is_down = False
        metrics.RECORDS.labels(metrics.WRITTEN).inc(len(taken))


def is_drawn(request_id: str, percent: float) -> bool:
    """Tell whether a request is of the share; of one id, every gateway says the same."""
    if percent >= 100:
        return True
    digest = blake2b(b"prediction-log:" + request_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) < percent / 100 * _WHOLE
