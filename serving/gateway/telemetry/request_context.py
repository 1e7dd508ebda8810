"""What is known of one request on its way: who it is, how far it has come, and what came of it."""

import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

from starlette.types import Scope

from serving.gateway.telemetry import metrics

_REQUEST_ID = re.compile(rb"[\w.:-]{1,128}")
MAX_LOGGED_PATH = 200
# The label of the model that a prediction is for; None for what is no prediction.
ModelAsked = Callable[[Scope], str | None]


@dataclass
class RequestContext:
    """The story of one request, filled in as it goes.

    `headers` are its header lines by their names in lower case. `key` is the name of the API key,
    if one was needed; `charge` lets it pay for so many rows, if its rates count rows, and `permit`
    raises Forbidden if it is not for a model. `model` stays
    None for requests that are no predictions; `version` until one has answered. `route`, one of
    metrics.ROUTES, says why it was that one, and `after` is done once the answer has left. `error`
    is for operators: what went wrong on our side, with its cause. `client` and `scheme` tell who
    asked and how, where there are proxies that can be trusted to know it.
    """

    request_id: str
    method: str
    path: str
    headers: Mapping[bytes, bytes]
    model: str | None = None
    key: str | None = None
    charge: Callable[[int], Awaitable[None]] | None = None
    permit: Callable[[str], None] | None = None
    version: int | None = None
    route: str | None = None
    after: Callable[[], None] | None = None
    outcome: str = metrics.OK
    error: str | None = None
    num_instances: int = 0
    trace_id: str | None = None
    client: str | None = None
    scheme: str | None = None
    stage: str | None = None
    started: float = field(default_factory=time.perf_counter)
    _entered: list[tuple[str | None, float]] = field(default_factory=list)

    def enter(self, stage: str | None) -> None:
        """Begin a stage, one of metrics.STAGES, and end the one before it."""
        self.stage = stage
        self._entered.append((stage, time.perf_counter()))

    def stage_seconds(self) -> dict[str, float]:
        """Add up the stages that have ended, in the order in which they were first entered."""
        seconds: dict[str, float] = {}
        for (stage, began), (_, ended) in pairwise(self._entered):
            if stage is not None:
                seconds[stage] = seconds.get(stage, 0.0) + ended - began
        return seconds

    def trace_headers(self) -> dict[str, str]:
        """Return the headers with which a call continues the trace; none if there is no trace."""
        return {}

    def finish(self, status: int) -> None:  # noqa: ARG002  # a traced context tells it
        """End the last stage; `status` is the answer's, or 0 if there was none."""
        self.enter(None)


def new_context(
    scope: Scope, model_asked: ModelAsked, typed: Mapping[str, str] = MappingProxyType({})
) -> RequestContext:
    """Begin the context of a request; `model_asked` tells which model it is for, if any.

    Of `typed` predictions, the path does.
    """
    headers = dict(scope["headers"])
    model = typed.get(scope["path"]) or model_asked(scope)
    return RequestContext(request_id_in(headers), scope["method"], scope["path"], headers, model)


def request_id_in(headers: Mapping[bytes, bytes]) -> str:
    """Return the caller's id if it has sent a harmless one, else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return str(given, "ascii")
    # Unique, not secret; the secret kind costs a system call.
    return f"{random.getrandbits(128):032x}"
