"""Who goes to the candidate: those who are named, and a share of all others.

It depends on the release and on the request alone: gateways agree without talking, and whoever is
among 5 % is also among 10 %.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b

from serving.gateway.releases.release import Candidate, Cohort
from serving.gateway.telemetry.request_context import RequestContext

RELEASE_KEY = b"x-release-key"
_BYTES = 8
_ALL = 1 << 8 * _BYTES


class Split:
    """Takes requests for a candidate; `share`, between 0 and 1, may be changed at any time."""

    def __init__(self, model: str, candidate: Candidate, cohorts: Mapping[str, Cohort]) -> None:
        named: list[Cohort] = [candidate, *(cohorts[each] for each in candidate.cohorts)]
        self.share = 0.0
        self._salt = f"{model}:{candidate.version}:".encode()
        self._stated = _STATED[candidate.by]
        self._keys = {key for cohort in named for key in cohort.keys}
        self._headers = {
            (name.lower().encode(), value.encode())
            for cohort in named
            for name, values in cohort.headers.items()
            for value in values
        }

    @property
    def takes_any(self) -> bool:
        """Whether there is a request that it takes."""
        return bool(self.share or self._keys or self._headers)

    def takes(self, context: RequestContext) -> bool:
        """Tell whether a request goes to the candidate."""
        if context.key in self._keys:
            return True
        if any(context.headers.get(name) == value for name, value in self._headers):
            return True
        return position(self._salt, self._stated(context)) < self.share


def position(salt: bytes, stated: bytes) -> float:
    """Return where a caller stands between 0 and 1, evenly spread, and the same each time."""
    digest = blake2b(salt + stated, digest_size=_BYTES).digest()
    return int.from_bytes(digest) / _ALL


def _release_key(context: RequestContext) -> bytes:
    return context.headers.get(RELEASE_KEY) or _request_id(context)


def _api_key(context: RequestContext) -> bytes:
    return context.key.encode() if context.key is not None else _request_id(context)


def _request_id(context: RequestContext) -> bytes:
    return context.request_id.encode()


_STATED: Mapping[str, Callable[[RequestContext], bytes]] = {
    "release-key": _release_key,
    "api-key": _api_key,
    "request-id": _request_id,
}
