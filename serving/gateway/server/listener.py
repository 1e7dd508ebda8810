"""The socket that a program listens on; knows nothing of what is served there."""

import errno
import socket

GRPC_PORT = "TFGATE_GRPC_PORT"


class CannotListen(Exception):
    """The port to listen on cannot be had."""


class WrongHost(CannotListen):
    """The host to listen on is not this machine's, or cannot be found."""


def listen(
    host: str, port: int, *, option: str = "--port or TFGATE_PORT", shared: bool = False
) -> socket.socket:
    """Bind a socket; `option` is what the message tells the user to change.

    Several processes may bind a `shared` port, each its own socket; the kernel spreads the
    connections evenly over those that listen.

    Raises:
        CannotListen: another program listens there, or it is not allowed.
        WrongHost: the host is not this machine's, or cannot be found.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise cannot_listen(host, port, error, option) from error
    return listener


def cannot_listen(host: str, port: int, error: OSError, option: str) -> CannotListen:
    """Build the error for an address that the system refuses; `option` is the port's name."""
    message = f"cannot listen on {host}:{port}: {error.strerror}"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        # Every address of this machine's is one, and 0.0.0.0 and :: are all of them.
        return WrongHost(f"{message}. Name an address of this machine's with --host or TFGATE_HOST")
    return CannotListen(f"{message}. Choose another with {option}.")
