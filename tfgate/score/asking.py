"""Has rows answered by a gateway, many in a request; finds out which of them are wrong."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from types import TracebackType
from typing import Any, Self

import httpx

from tfgate.ask import CannotAsk, Gateway, authorization, open_client, told
from tfgate.score.fields import Taken, as_json

# What may be a row's own fault: several are asked again in halves, and one alone gets an error.
_FAULTS = {400, 413, 415, 422, 500, 502}
_LATE = 504  # so may that be; or the gateway is busy, so that a row alone is asked some more times
_MAX_LATE = 3
# What passes: the gateway is asked again until it has answered nothing for so long.
_BUSY = {429, 503}
PATIENCE_SECONDS = 300
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30
TIMEOUT_SECONDS = 120


@dataclass
class Answer:
    """What became of one row: a prediction, or an error."""

    prediction: Any = None
    error: str | None = None


@dataclass
class Scorer:
    """Asks one model; may be used by several threads. `version` is asked, once it is known."""

    gateway: Gateway
    taken: Taken
    version: int | None = None
    label: str | None = None
    _stopped: Event = field(default_factory=Event)

    def __enter__(self) -> Self:
        self._client = open_client(self.gateway.url)
        return self

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._client.close()

    def answer(self, instances: Sequence[dict[str, Any]]) -> list[Answer]:
        """Have rows answered, in their order.

        Raises:
            CannotAsk: the gateway is away for too long, or refuses whatever is asked.
        """
        if not instances:
            return []
        response = self._ask(instances)
        if response.is_success:
            self._pin(response)
            return [Answer(each) for each in _predictions(response, len(instances))]
        if len(instances) == 1:
            return [Answer(error=told(response))]
        middle = len(instances) // 2
        return [*self.answer(instances[:middle]), *self.answer(instances[middle:])]

    def _pin(self, response: httpx.Response) -> None:
        """Keep to the version that has answered first: a table is scored by one."""
        if self.version is None and "X-Model-Version" in response.headers:
            self.version, self.label = int(response.headers["X-Model-Version"]), None

    def _ask(self, instances: Sequence[dict[str, Any]]) -> httpx.Response:
        """Ask until there is an answer that says something of the rows."""
        began, pause, num_late = time.monotonic(), FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                response = self._post(instances)
            except httpx.TransportError as error:
                why, wanted = f"{type(error).__name__}: {error}", 0.0
            else:
                num_late += response.status_code == _LATE
                is_late = num_late > 0 if len(instances) > 1 else num_late > _MAX_LATE
                if response.is_success or response.status_code in _FAULTS or is_late:
                    return response
                if response.status_code not in {*_BUSY, _LATE}:
                    raise CannotAsk(told(response))
                why, wanted = told(response), _seconds(response.headers.get("Retry-After"))
            if time.monotonic() - began > PATIENCE_SECONDS:
                message = f"{self.gateway.url} has answered nothing for minutes ({why})."
                raise CannotAsk(message)
            if self._stopped.wait(min(max(pause, wanted), LONGEST_PAUSE_SECONDS)):
                message = "stopped"
                raise CannotAsk(message)
            pause *= 2

    def _post(self, instances: Sequence[dict[str, Any]]) -> httpx.Response:
        return self._client.post(
            self.gateway.url.rstrip("/") + self.taken.path_of(self.version, self.label),
            # NaN is none of JSON's: the gateway says so, and of which row.
            content=json.dumps({"instances": instances}, default=as_json),
            headers={"Content-Type": "application/json", **authorization(self.gateway.key)},
            timeout=TIMEOUT_SECONDS,
        )


def _predictions(response: httpx.Response, number: int) -> list[Any]:
    try:
        found = response.json()["predictions"]
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, list) or len(found) != number:
        message = f"{response.url} answers, but with no {number} predictions: is it a gateway?"
        raise CannotAsk(message)
    return found


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else 0.0
