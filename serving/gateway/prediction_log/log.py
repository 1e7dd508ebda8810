"""The way of predictions into the log, beside the requests: none of them waits for it."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event, Thread

from serving.gateway.inference.answered import Answered
from serving.gateway.prediction_log.digests import digest_with
from serving.gateway.prediction_log.files import Files, Format
from serving.gateway.prediction_log.kept import Kept, Way, keep
from serving.gateway.prediction_log.receiver import Receiver
from serving.gateway.prediction_log.records import records_of
from serving.gateway.prediction_log.target import Refused, Target
from serving.gateway.prediction_log.waiting import Waiting
from serving.gateway.telemetry import prediction_log_metrics as metrics

_LOGGER = logging.getLogger("tfgate.prediction_log")
_BLOCK_SECONDS = 0.5
# To write what is left at the end; the supervisor kills a worker two seconds later.
STOP_SECONDS = 3.0
_WORD_SECONDS = 60  # between two lines about records that are refused


def target_of(place: str, form: Format, max_bytes: int) -> Target:
    """Make what a setting names: an address that takes events, or a folder."""
    is_address = place.startswith(("http://", "https://"))
    return Receiver(place) if is_address else Files(Path(place), form, max_bytes)


class PredictionLog:
    """Writes a share of what is shown to `hear`, an onlooker of predictions, in its own thread.

    A thread that hangs in a file system or a network ends with the process: it is a daemon's.
    """

    def __init__(
        self, target: Target, percent: float, ways: Mapping[str, Way], key: bytes | None = None
    ) -> None:
        """Inputs are hashed with a `key`; without one, with one of this process alone."""
        self._target = target
        self._share = percent / 100
        self._ways = ways
        self._digest = digest_with(key or secrets.token_bytes(32))
        self._is_keyless = key is None and "hash" in ways.values()
        self._waiting = Waiting()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="prediction log", daemon=True)
        self._is_down = self._is_over = False
        self._num_refused = 0
        self._next_word = 0.0

    def hear(self, answered: Answered) -> None:
        """See an answer that is about to leave: it is drawn or not, and its columns are kept."""
        # Not by the request's id, which callers choose: who sends the same one always would be
        # logged always, or never.
        if random.random() >= self._share:  # noqa: S311  # nobody's secret
            return
        if not self._waiting.add(keep(answered, time.time(), self._ways)):
            metrics.REQUESTS.labels(metrics.DROPPED_BY_CROWD).inc()

    def start(self) -> None:
        """Begin to write what gathers."""
        if self._is_keyless:
            _LOGGER.warning(
                "logged inputs are hashed with a key of this process alone; "
                "TFGATE_PREDICTION_LOG_KEY_FILE gives all processes the same"
            )
        self._thread.start()

    async def close(self) -> None:
        """Write what is left, for STOP_SECONDS at most; what is lost is counted and told."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, STOP_SECONDS)
        self._is_over = True
        num_lost = self._waiting.give_up()
        if num_lost:
            metrics.REQUESTS.labels(metrics.DROPPED_BY_STOP).inc(num_lost)
            _LOGGER.error(
                "%d requests are not in the prediction log: it could not be written in the "
                "%g seconds before the end",
                *(num_lost, STOP_SECONDS),
            )

    def _run(self) -> None:
        while not self._stopping.wait(_BLOCK_SECONDS):
            self._write_all()
            self._finish(self._target.rotate)
        self._write_all()
        self._finish(self._target.close)

    def _finish(self, step: Callable[[], None]) -> None:
        try:
            step()
        except OSError as error:
            _LOGGER.error("a file of the prediction log is not finished: %s", error)
        # The last resort, as below: the thread goes on, whatever became of a file.
        except Exception:
            _LOGGER.exception("unexpected error: a file of the prediction log is not finished")

    def _write_all(self) -> None:
        while block := self._waiting.take(self._target.max_rows):
            outcome = self._write(block)
            if not self._is_over:
                metrics.REQUESTS.labels(outcome).inc(len(block))

    def _write(self, block: Sequence[Kept]) -> str:
        """Write a block; return what became of it, one of metrics.OUTCOMES."""
        try:
            records = [row for each in block for row in records_of(each, self._ways, self._digest)]
            self._target.write(records)
        except OSError as error:
            self._go_down(error)
            return metrics.DROPPED_BY_TARGET
        except Refused as error:
            self._tell_refused(len(block), error)
            return metrics.DROPPED_BY_REFUSAL
        # The last resort, as for a request: a defect may cost a block, and not the log.
        except Exception:
            _LOGGER.exception("unexpected error: %d requests are not logged", len(block))
            return metrics.DROPPED_BY_REFUSAL
        if self._is_down:
            _LOGGER.info("predictions are logged again")
        self._is_down = False
        return metrics.WRITTEN

    def _go_down(self, error: OSError) -> None:
        if not self._is_down:
            _LOGGER.error("predictions are not logged for now: %s", error)
        self._is_down = True

    def _tell_refused(self, number: int, error: Refused) -> None:
        self._num_refused += number
        if time.monotonic() >= self._next_word:
            _LOGGER.error(
                "%d requests are not logged, as others are; of the last: %s",
                *(self._num_refused, error),
            )
            self._num_refused, self._next_word = 0, time.monotonic() + _WORD_SECONDS
