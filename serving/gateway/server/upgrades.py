"""Offers of another protocol, such as Java's client makes of HTTP/2: renamed before the parser.

Whoever does not switch answers as if they were not there (RFC 9110, 7.8); but the parser takes the
body for the beginning of the other protocol. Not needed any more once one of these is closed:
Kludex/uvicorn#2722, MagicStack/httptools#124.
"""

import re

_END = b"\r\n\r\n"
_OFFER = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
# What may become an offer, or the end of the head, with the bytes that follow.
_BEGUN = re.compile(rb"\r(?:\n(?:\r|u(?:p(?:g(?:r(?:a(?:de?)?)?)?)?)?)?)?\Z", re.IGNORECASE)


class Offers:
    """Renames the header in the head of one request after the other, however it is cut."""

    def __init__(self) -> None:
        self._held = b""

    def without(self, data: bytes) -> bytes:
        """Return what the parser may have of the next bytes, which begin inside a head or before.

        A few at their end may be held back until the next ones come.
        """
        if self._held:
            data, self._held = self._held + data, b""
        end = data.find(_END)
        if end < 0:
            begun = _BEGUN.search(data, max(0, len(data) - len(b"\r\nupgrade")))
            if begun:
                self._held = begun[0]
                data = data[: begun.start()]
            end = len(data)
        if _OFFER.search(data, 0, end):
            data = _OFFER.sub(b"\r\nx-upgrade:", data[:end]) + data[end:]
        return data
