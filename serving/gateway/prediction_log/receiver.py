"""Records sent away as CloudEvents over HTTP, in the form of KServe's payload logger.

A request is two events of one id: what was asked, and what was answered, in CloudEvents' binary
mode. Source of the types and attributes: https://kserve.github.io/website, "Inference Logger", and
the specification of CloudEvents 1.0 with its HTTP binding.
"""

from collections.abc import Iterator, Sequence
from time import sleep
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from serving.gateway.prediction_log.records import Record
from serving.gateway.prediction_log.target import Refused

REQUEST, RESPONSE = (f"org.kubeflow.serving.inference.{part}" for part in ("request", "response"))
PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0)  # before an event is sent once more; then it is given up
LONGEST_PAUSE_SECONDS = 10.0  # however long the receiver wishes to be left alone
_TIMEOUT_SECONDS = 5
_REQUEST_TIMEOUT, _TOO_MANY, _SERVER_ERROR = 408, 429, 500
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).translate({ord('"'): None, ord("%"): None})


class Receiver:
    """Where events are posted to, those of one request at a time."""

    max_rows = 1

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.Client(timeout=_TIMEOUT_SECONDS)

    def write(self, records: Sequence[Record]) -> None:
        """Send the rows of a request.

        Raises:
            OSError: nobody takes them, however often they are sent.
            Refused: the receiver says that it does not take these.
        """
        for kind, data in _events(records):
            self._send(_headers(kind, records[0]), orjson.dumps(data))

    def rotate(self) -> None:
        """Nothing is ever due."""

    def close(self) -> None:
        """Send nothing more."""
        self._client.close()

    def _send(self, headers: dict[str, str], content: bytes) -> None:
        for pause in (*PAUSES_SECONDS, None):
            wanted = 0.0
            try:
                answer = self._client.post(self._url, content=content, headers=headers)
            except httpx.HTTPError as error:
                why = str(error) or type(error).__name__
            else:
                if answer.is_success:
                    return
                status = answer.status_code
                why = f"the receiver answers {status} {answer.reason_phrase}"
                if status < _SERVER_ERROR and status not in {_REQUEST_TIMEOUT, _TOO_MANY}:
                    raise Refused(why)
                wanted = _seconds(answer.headers.get("Retry-After"))
            if pause is not None:
                sleep(min(max(pause, wanted), LONGEST_PAUSE_SECONDS))
        raise OSError(why)


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdecimal() else 0.0


def _headers(kind: str, record: Record) -> dict[str, str]:
    attributes = {
        "specversion": "1.0",
        "id": record["request_id"],
        "source": "tfgate",
        "type": kind,
        "time": record["time"],
        "inferenceservicename": record["model"],
        "component": "predictor",
        "endpoint": str(record["version"]),
    }
    # What is no printable ASCII is written as the HTTP binding has it, section 3.1.3.2.
    told = {f"ce-{name}": quote(value, safe=_PRINTABLE) for name, value in attributes.items()}
    return {"content-type": "application/json", **told}


def _events(rows: Sequence[Record]) -> Iterator[tuple[str, dict[str, Any]]]:
    told = {name: rows[0][name] for name in ("route", "signature", "path", "key", "seconds")}
    yield REQUEST, {"instances": [row["inputs"] for row in rows]}
    answered: dict[str, Any] = {"predictions": [row["outputs"] for row in rows], "tfgate": told}
    if any(row["explanation"] for row in rows):
        answered["explanations"] = [row["explanation"] for row in rows]
    yield RESPONSE, answered
