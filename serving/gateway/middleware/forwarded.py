"""Who asks, and under which path, as the proxies in front of the gateway tell it.

uvicorn's own middleware does less: it takes any text for an address, reads no prefix, and knows
nothing of RFC 7239.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.request import parse_http_list

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.gateway.settings import ROOT_PATH
from serving.gateway.telemetry.request_context import RequestContext

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SCHEMES = ("http", "https")
_MAX_PREFIX = 200
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


class Forwarded:
    """ASGI middleware that believes trusted proxies, and nobody else.

    It ignores what is malformed. Within, `path` is ours, and `root_path` what stands before it
    where the client asks. A request that still has the setting's `root_path` on it is taken, too.
    """

    def __init__(self, app: ASGIApp, *, root_path: str, trusted: Sequence[str]) -> None:
        """`trusted` are addresses and networks."""
        self.app = app
        self._root_path = root_path
        self._trusted = [ipaddress.ip_network(each) for each in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "http":
            root_path = self._root_path
            path = without_prefix(scope["path"], root_path)
            scope = {**scope, "path": path, "root_path": root_path, **self._told(scope)}
        await self.app(scope, receive, send)

    def _told(self, scope: Scope) -> dict[str, Any]:
        peer = _address(scope["client"][0]) if scope.get("client") else None
        if peer is None or not self._trusts(peer):
            return {}
        told: dict[str, Any] = {}
        if prefix := _prefix(_value(scope, b"x-forwarded-prefix")):
            told["root_path"] = prefix
        # The nearest proxy wrote the last one; whatever an untrusted one passed on is only a claim.
        for text, scheme in reversed(_hops(scope)):
            address = _address(text) if text else peer
            if address is None:
                break
            told["client"] = (str(address), 0)
            if scheme.lower() in _SCHEMES:
                told["scheme"] = scheme.lower()
            if not self._trusts(address):
                break
        return told

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


class Mounted:
    """ASGI application that gives another one the whole path, as Starlette expects it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "http":
            scope = {**scope, "path": scope["root_path"] + scope["path"]}
        await self.app(scope, receive, send)


def without_prefix(path: str, root_path: str) -> str:
    """Cut off a prefix that a proxy has left on a path."""
    if root_path and f"{path}/".startswith(f"{root_path}/"):
        return path[len(root_path) :] or "/"
    return path


def naming_client(begin: Callable[[Scope], RequestContext]) -> Callable[[Scope], RequestContext]:
    """Let the context of a request say who asks, for the log."""

    def begin_with_client(scope: Scope) -> RequestContext:
        context = begin(scope)
        context.client = scope["client"][0] if scope.get("client") else None
        context.scheme = scope["scheme"]
        return context

    return begin_with_client


def _hops(scope: Scope) -> list[tuple[str, str]]:
    """Return whom each proxy was asked by, and with which scheme, the nearest proxy's word last."""
    addresses = _value(scope, b"x-forwarded-for").split(",")
    schemes = [each.strip() for each in _value(scope, b"x-forwarded-proto").split(",")]
    if addresses == [""] and (forwarded := _value(scope, b"forwarded")):
        return list(_elements(forwarded))
    if len(schemes) != len(addresses):
        schemes = schemes[-1:] * len(addresses)
    return list(zip(addresses, schemes, strict=True))


def _elements(forwarded: str) -> Iterator[tuple[str, str]]:
    """Take the header Forwarded apart. Source: RFC 7239, 4."""
    for element in parse_http_list(forwarded):
        pairs = [pair.partition("=") for pair in element.split(";")]
        found = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        # A proxy that does not say for whom it asks may hide its client, which is then unknown.
        yield found.get("for", "unknown"), found.get("proto", "")


def _value(scope: Scope, name: bytes) -> str:
    """Return a list that may stand in several lines of this name."""
    values = [value for each, value in scope["headers"] if each == name]
    return b",".join(values).decode("latin-1")


def _prefix(value: str) -> str:
    """Join the prefixes that proxies have cut off one after the other, the outermost first."""
    prefixes = [each.strip().rstrip("/") for each in value.split(",")]
    if len(value) > _MAX_PREFIX or not all(map(ROOT_PATH.fullmatch, prefixes)):
        return ""
    return "".join(prefixes)


def _address(text: str) -> Address | None:
    """Read an address with or without a port, such as 192.0.2.1:4711 or [2001:db8::1]:443."""
    text = text.strip()
    if with_port := _WITH_PORT.fullmatch(text):
        text = with_port[1] or with_port[2]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # As a socket that takes both kinds names IPv4's.
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address
