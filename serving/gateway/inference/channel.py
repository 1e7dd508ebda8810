"""The connection to the model server: TLS, balancing, retries, and how soon one is found again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import grpc

from serving.loopback import is_this_machine

# Retries are gRPC's own; a prediction may safely be repeated. The pauses between the attempts of a
# call are together longer than any pause between two attempts to connect, so that a call which
# begins once the server is back finds it. Retries are budgeted: each failed attempt takes a token,
# each good call gives a tenth back, and below half of the tokens nothing is retried. States, which
# probes ask for all the time, are no part of this: they would use up the budget of an outage.
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{"service": "tensorflow.serving.PredictionService"}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.05s",
                "maxBackoff": "0.2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
}
MAX_ANSWER_BYTES = 64_000_000
_CHANNEL_OPTIONS = [
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    # The limits that count are the gateway's own, on bodies. By default a call of more
    # than a quarter of a million bytes would never be retried.
    ("grpc.per_rpc_retry_buffer_size", 2**31 - 1),
    ("grpc.max_send_message_length", -1),
    # While an answer is read, and written as JSON, others wait, and it is in memory several times.
    ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
    # gRPC's defaults wait up to two minutes before they look again for a server that was away, up
    # to twenty seconds for one that does not say a word, and thirty before they ask DNS anew: too
    # long when a pod has been replaced by one with another address.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),  # in truth the time that one attempt may take
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A server that has fallen silent is left after these together. The ping's own timeout, a minute
    # by default, would otherwise count instead of the shorter one of keepalive.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.ping_timeout_ms", 3_000),
]


@dataclass(frozen=True)
class Tls:
    """What proves each side to the other: PEM files; ours only for servers that ask for them."""

    ca_file: Path
    certificate_file: Path | None = None
    private_key_file: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files."""
        files = (self.ca_file, self.private_key_file, self.certificate_file)
        return grpc.ssl_channel_credentials(*(file and file.read_bytes() for file in files))


OpenChannel = Callable[[str, Tls | None], grpc.aio.Channel]


def open_channel(target: str, tls: Tls | None) -> grpc.aio.Channel:
    """Open a channel in the running event loop; it connects when it is first used."""
    # Other hosts are asked through the proxy that https_proxy or http_proxy names, if any.
    proxied = [("grpc.enable_http_proxy", int(not _is_local(target)))]
    options = [*_CHANNEL_OPTIONS, *proxied]
    if tls is None:
        return grpc.aio.insecure_channel(target, options=options)
    return grpc.aio.secure_channel(target, tls.credentials(), options=options)


def _is_local(target: str) -> bool:
    """Tell whether a target, in any of gRPC's forms, is on this machine."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    # What may stand before the addresses: a scheme, and for DNS the name server to ask.
    addresses = target.rpartition("/")[2]
    for scheme in ("dns:", "ipv4:", "ipv6:"):
        addresses = addresses.removeprefix(scheme)
    return all(is_this_machine(_host(address)) for address in unquote(addresses).split(","))


def _host(address: str) -> str:
    """Leave out the port; only in brackets has an IPv6 address one."""
    host, _, port = address.rpartition(":")
    return host if port.isdecimal() and (":" not in host or host.endswith("]")) else address
