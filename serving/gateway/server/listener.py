"""The socket that a program listens on; knows nothing of what is served there."""

import errno
import socket

# With any other error, it is not the port that is wrong.
_PORTS_OWN = {errno.EADDRINUSE, errno.EACCES}


class CannotListen(Exception):
    """The address to listen on cannot be had."""


def listen(host: str, port: int, *, option: str = "--port", shared: bool = False) -> socket.socket:
    """Bind a socket; `option` is what the message tells the user to change.

    Several processes may bind a `shared` port, each its own socket; the kernel spreads the
    connections evenly over those that listen.

    Raises:
        CannotListen: another program listens there, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    # Of a host that is no name at all, Python says TypeError.
    except (OSError, TypeError) as error:
        listener.close()
        if not isinstance(error, OSError) or error.errno not in _PORTS_OWN:
            option = "--host"
        reason = getattr(error, "strerror", None) or error
        message = f"cannot listen on {host}:{port}: {reason}. Choose another with {option}."
        raise CannotListen(message) from error
    return listener
