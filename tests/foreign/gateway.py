"""A gateway over the foreign models, HTTP and gRPC, and what asks it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import httpx

from tests import stack

# All of them, and clients that wait for their turn rather than be turned away.
SETTINGS = {**stack.PATIENT, "generic_models": "*"}


@dataclass(frozen=True)
class Addresses:
    """Where clients find a gateway."""

    url: str
    grpc: str  # host:port


@dataclass(frozen=True)
class Gateway:
    """Connections to a gateway, for any number of threads."""

    addresses: Addresses
    http: httpx.Client
    channel: grpc.Channel


@contextmanager
def gateway_over(model_server: str) -> Iterator[Addresses]:
    """Run a gateway that answers for whatever a model server has."""
    port = str(stack.free_port())
    with stack.gateway(model_server, grpc_port=port, **SETTINGS) as url:
        stack.wait_until(lambda: stack.answers(f"{url}/readyz"), "readiness")
        yield Addresses(url, f"127.0.0.1:{port}")


@contextmanager
def connected(addresses: Addresses) -> Iterator[Gateway]:
    """Connect to a gateway."""
    with (
        httpx.Client(base_url=addresses.url, timeout=60) as http,
        grpc.insecure_channel(addresses.grpc) as channel,
    ):
        yield Gateway(addresses, http, channel)
