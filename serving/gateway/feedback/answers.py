"""An answer as the store keeps it, and what it is found by."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from serving.gateway.inference.answer_rows import Labels, Numbers, Rows


@dataclass(slots=True)  # not frozen: it would take three times as long to make one
class KeptAnswer:
    """What was answered to one request, when, by whom, and to whom.

    `api_key` and `release_key` are the names that the request came with; `at` is in seconds since
    1970. Only the first MAX_ROWS of its `num_rows` are kept.
    """

    model: str
    version: int
    route: str
    request_id: str
    api_key: str | None
    release_key: str | None
    at: float
    num_rows: int
    rows: Rows


class Asked(NamedTuple):
    """Whose answer is looked for: of a request, or the newest of those with a release key.

    What was asked with one API key is known to that key alone.
    """

    model: str
    api_key: str | None
    request_id: str | None = None
    release_key: str | None = None


def write_answer(answer: KeptAnswer) -> bytes:
    """Write an answer as JSON."""
    return orjson.dumps(answer)


def read_answer(written: bytes | str) -> KeptAnswer:
    """Read what `write_answer` has written."""
    fields = orjson.loads(written)
    return KeptAnswer(**{**fields, "rows": read_rows(fields["rows"])})


def read_rows(fields: dict[str, Any]) -> Rows:
    """Read rows from the fields that JSON has of them."""
    return Labels(**fields) if "labels" in fields else Numbers(**fields)
