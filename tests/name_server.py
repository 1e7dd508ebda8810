"""A DNS server whose addresses a test may change; it answers every name with all of them."""

import socket
import struct
import threading
from types import TracebackType
from typing import Self

_HEADER_BYTES = 12
_TYPE_A = 1
# Source: RFC 1035, section 4.1: an authoritative answer; a pointer to the question's name.
_ANSWER_FLAGS = 0x8580
_NAME_POINTER = 0xC00C


class NameServer:
    """Serves on a port of its own as long as the context lasts."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    @property
    def authority(self) -> str:
        """Its own host and port."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        # An empty message ends the thread, which a closed socket would not.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(self._answer(query), sender)

    def _answer(self, query: bytes) -> bytes:
        end_of_name = query.index(b"\0", _HEADER_BYTES) + 1
        question = query[_HEADER_BYTES : end_of_name + 4]
        record_type, record_class = struct.unpack(">HH", question[-4:])
        records = []
        if record_type == _TYPE_A:
            fields = struct.pack(">HHHIH", _NAME_POINTER, _TYPE_A, record_class, 0, 4)
            records = [fields + socket.inet_aton(address) for address in self.addresses]
        header = query[:2] + struct.pack(">HHHHH", _ANSWER_FLAGS, 1, len(records), 0, 0)
        return header + question + b"".join(records)
