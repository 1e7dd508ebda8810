"""An HTTP proxy that passes nothing on, and remembers what it was asked for."""

import socket
import threading

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY")


class RefusingProxy:
    """Listens on a port of its own; a context. `asked` holds the first line of each request."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that send programs here."""
        url = "http://{}:{}".format(*self._listener.getsockname())
        return dict.fromkeys(VARIABLES, url) | {"no_proxy": "", "NO_PROXY": ""}

    def __enter__(self) -> "RefusingProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Unlike close, it wakes the thread that waits.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(1000).decode().partition("\r\n")[0])
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
