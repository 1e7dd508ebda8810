"""Records sent away as CloudEvents over HTTP, in the form of KServe's payload logger.

A request is two events of one id: what was asked, and what was answered, in CloudEvents' binary
mode. Source of the types and attributes: https://kserve.github.io/website, "Inference Logger", and
the specification of CloudEvents 1.0.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import httpx
import orjson

from serving.gateway.prediction_log.records import Record

REQUEST, RESPONSE = (f"org.kubeflow.serving.inference.{part}" for part in ("request", "response"))
_SECONDS = 5


class Receiver:
    """Where events are posted to."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.Client(timeout=_SECONDS)

    def write(self, records: Sequence[Record]) -> None:
        """Send records, the rows of a request together.

        Raises:
            OSError: nobody takes them.
        """
        for _, rows in groupby(records, key=lambda record: record["request_id"]):
            for kind, document in _events(list(rows)):
                self._post(kind, *document)

    def close(self) -> None:
        """Send nothing more."""
        self._client.close()

    def _post(self, kind: str, record: Record, data: dict[str, Any]) -> None:
        headers = {
            "content-type": "application/json",
            "ce-specversion": "1.0",
            "ce-id": record["request_id"],
            "ce-source": "tfgate",
            "ce-type": kind,
            "ce-time": record["time"],
            "ce-inferenceservicename": record["model"],
            "ce-component": "predictor",
            "ce-endpoint": str(record["version"]),
        }
        try:
            answer = self._client.post(self._url, content=orjson.dumps(data), headers=headers)
        except httpx.HTTPError as error:
            raise OSError(str(error) or type(error).__name__) from error
        if answer.is_error:
            message = f"{answer.status_code} {answer.reason_phrase}"
            raise OSError(message)


def _events(rows: list[Record]) -> Iterator[tuple[str, tuple[Record, dict[str, Any]]]]:
    first = rows[0]
    told = {name: first[name] for name in ("route", "signature", "path", "key", "seconds")}
    yield REQUEST, (first, {"instances": [row["inputs"] for row in rows]})
    answered: dict[str, Any] = {"predictions": [row["outputs"] for row in rows], "tfgate": told}
    if any(row["explanation"] for row in rows):
        answered["explanations"] = [row["explanation"] for row in rows]
    yield RESPONSE, (first, answered)
