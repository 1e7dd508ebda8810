"""A control plane that speaks xDS as far as gRPC asks it: one service, and who serves that.

Its messages are written by their field numbers: the classes for Envoy's whole API would be hundreds
of modules for five messages. Source: envoyproxy/data-plane-api, `envoy/service/discovery/v3` and
`envoy/config/{listener,route,cluster,endpoint}/v3`.
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import grpc

Field = tuple[int, int | str | bytes]

_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_TYPES = "type.googleapis.com/envoy."
_LISTENER = f"{_TYPES}config.listener.v3.Listener"
_CLUSTER = f"{_TYPES}config.cluster.v3.Cluster"
_ENDPOINTS = f"{_TYPES}config.endpoint.v3.ClusterLoadAssignment"
_HTTP = f"{_TYPES}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = f"{_TYPES}extensions.filters.http.router.v3.Router"
_EDS = 3  # of Cluster.DiscoveryType


class XdsServer:
    """Serves on a port of its own as long as the context lasts."""

    def __init__(self, *hosts: str, port: int) -> None:
        self._hosts = hosts
        self._port = port
        self._server = grpc.server(ThreadPoolExecutor(2))
        stream = grpc.stream_stream_rpc_method_handler(self._answer)
        handler = grpc.method_handlers_generic_handler(
            _SERVICE, {"StreamAggregatedResources": stream}
        )
        self._server.add_generic_rpc_handlers((handler,))
        self._own_port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def bootstrap(self) -> str:
        """What a client is told in GRPC_XDS_BOOTSTRAP_CONFIG."""
        place = {
            "server_uri": f"127.0.0.1:{self._own_port}",
            "channel_creds": [{"type": "insecure"}],
            "server_features": ["xds_v3"],
        }
        return json.dumps({"xds_servers": [place], "node": {"id": "test"}})

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._server.stop(None).wait()

    def _answer(self, requests: Iterator[bytes], _context: object) -> Iterator[bytes]:
        """Answer first questions; one with a nonce (field 5) only acknowledges an answer."""
        for request in requests:
            fields = list(_fields(request))
            if any(number == 5 for number, _ in fields):
                continue
            kind = next(value for number, value in fields if number == 4).decode()
            names = [value.decode() for number, value in fields if number == 3]
            found = [(2, _any(kind, self._resource(kind, name))) for name in names]
            yield _message((1, "1"), *found, (4, kind), (5, "1"))

    def _resource(self, kind: str, name: str) -> bytes:
        if kind == _LISTENER:
            return _message((1, name), (19, _message((1, _any(_HTTP, _connections(name))))))
        if kind == _CLUSTER:
            ads = _message((3, b""))
            return _message((1, name), (2, _EDS), (3, _message((1, ads))))
        assert kind == _ENDPOINTS, kind
        places = [_message((2, host), (3, self._port)) for host in self._hosts]
        endpoints = [(2, _message((1, _message((1, _message((1, each))))))) for each in places]
        locality = [(1, _message((1, "here"))), *endpoints, (3, _message((1, 1)))]
        return _message((1, name), (2, _message(*locality)))


def _connections(cluster: str) -> bytes:
    """Send every path to one cluster."""
    route = _message((1, _message((1, ""))), (2, _message((1, cluster))))
    routes = _message((1, "routes"), (2, _message((1, "all"), (2, "*"), (3, route))))
    return _message((4, routes), (5, _message((1, "router"), (4, _any(_ROUTER, b"")))))


def _any(kind: str, value: bytes) -> bytes:
    return _message((1, kind), (2, value))


def _message(*fields: Field) -> bytes:
    written = b""
    for number, value in fields:
        if isinstance(value, int):
            written += _varint(number << 3) + _varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            written += _varint(number << 3 | 2) + _varint(len(data)) + data
    return written


def _varint(number: int) -> bytes:
    written = []
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    return bytes([*written, number])


def _fields(message: bytes) -> Iterable[tuple[int, bytes]]:
    """Read the fields that are texts or messages; there are no others in what gRPC asks."""
    data = iter(message)
    for first in data:
        tag, length = _rest_of_varint(first, data), _rest_of_varint(next(data), data)
        assert tag & 7 == 2, tag
        yield tag >> 3, bytes(next(data) for _ in range(length))


def _rest_of_varint(first: int, data: Iterator[int]) -> int:
    number, shift, byte = first & 127, 7, first
    while byte > 127:
        byte = next(data)
        number |= (byte & 127) << shift
        shift += 7
    return number
