"""The socket that a program listens on; knows nothing of what is served there."""

import socket


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
    except OSError as error:
        listener.close()
        message = f"cannot listen on {host}:{port}: {error.strerror}. Choose another with {option}."
        raise CannotListen(message) from error
    return listener
