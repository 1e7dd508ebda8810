"""Which hosts are the machine itself: no proxy can know them, whatever the environment says."""

import ipaddress
import socket


def is_this_machine(host: str) -> bool:
    """Tell whether a connection to a host, by name or address, can only end on this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        # It knows every form of a number, such as 127.1, and asks no name server.
        found = socket.getaddrinfo(name, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    address = ipaddress.ip_address(found[0][4][0])
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified
