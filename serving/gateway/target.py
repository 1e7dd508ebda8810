"""Which targets of the model server can be asked; gRPC takes any text, and then fails for ever."""

import ipaddress
import os
import re

ACCEPTED = (
    "HOST:PORT, dns:///HOST:PORT, unix:FILE, or ipv4:ADDRESS:PORT or ipv6:[ADDRESS]:PORT with "
    "commas between several, or xds:///NAME"
)
# Where gRPC is told which control plane it asks, by either; without one, no name can be found.
XDS_VARIABLES = ("GRPC_XDS_BOOTSTRAP", "GRPC_XDS_BOOTSTRAP_CONFIG")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_ENDPOINT = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]/]+):(?P<port>[0-9]{1,5})")
_DNS = re.compile(r"dns:(//[^/\s]*/)?(?P<endpoint>.*)")
_XDS = re.compile(r"xds:(//[^/\s]*/)?[^/\s]\S*")
_URL = re.compile(r"(?P<scheme>[a-z]+)://(?P<endpoint>[^/?#]*)", re.IGNORECASE)
_MAX_SOCKET_BYTES = 107  # of a socket's path, by the kernel


def check_target(target: str) -> str:
    """Return a gRPC target as it was given.

    Raises:
        ValueError: it can never be reached; the message says what is taken instead.
    """
    if target and target == target.strip() and _can_be_asked(target):
        if _is_xds(target) and not any(map(os.environ.get, XDS_VARIABLES)):
            message = f"{target[:200]!r} cannot be asked: no control plane is named; set "
            raise ValueError(message + " or ".join(XDS_VARIABLES))
        return target
    message = f"{target[:200]!r} cannot be asked; give {ACCEPTED}{_meant(target)}"
    raise ValueError(message)


def _can_be_asked(target: str) -> bool:
    scheme, _, rest = target.partition(":")
    match scheme:
        case "unix":
            path = rest.removeprefix("//")
            is_whole = path.startswith("/") or not rest.startswith("//")
            return bool(path) and is_whole and len(path.encode()) <= _MAX_SOCKET_BYTES
        case "unix-abstract":
            return 0 < len(rest.encode()) <= _MAX_SOCKET_BYTES
        case "ipv4" | "ipv6":
            return all(is_endpoint(each, scheme) for each in rest.split(","))
        case "dns":
            found = _DNS.fullmatch(target)
            # A host may be called dns as well.
            return is_endpoint(target) or (found is not None and is_endpoint(found["endpoint"]))
        case "xds":
            return is_endpoint(target) or _is_xds(target)
        case _:
            return is_endpoint(target)


def _is_xds(target: str) -> bool:
    """Tell whether a control plane is to be asked for a name; a host may be called xds as well."""
    return _XDS.fullmatch(target) is not None and not is_endpoint(target)


def is_endpoint(text: str, scheme: str = "") -> bool:
    """Tell whether a text is a host and a port; after some schemes, the host is an address."""
    found = _ENDPOINT.fullmatch(text)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        return False
    host = found["host"]
    if host.startswith("["):
        return scheme != "ipv4" and _is_address(host[1:-1], ipaddress.IPv6Address)
    if scheme == "ipv6":
        return False
    # What has only digits is meant as an address.
    if scheme == "ipv4" or re.fullmatch(r"[0-9.]+", host):
        return _is_address(host, ipaddress.IPv4Address)
    return _NAME.fullmatch(host) is not None


def _is_address(text: str, kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _meant(target: str) -> str:
    """Say what may be meant by the address of a web server, or one without a port."""
    found = _URL.match(target.strip())
    scheme = found["scheme"].lower() if found else ""
    endpoint = found["endpoint"] if found else target.strip().partition("/")[0]
    meant = [each for each in (endpoint, f"{endpoint}:8500") if is_endpoint(each)]
    if not meant or scheme == "unix":
        return ""
    hint = " For TLS, set TFGATE_MODEL_SERVER_CA_FILE." if scheme in {"https", "grpcs"} else ""
    return f". Did you mean {meant[0]}?{hint}"
