"""Bodies that are compressed on their way: gzip or deflate, inflated piece by piece.

On the event loop, which serves others between two pieces: a thread would be one more thing that a
crowd of such bodies could use up.
"""

import zlib
from collections.abc import Iterator

from serving.errors import MalformedBody, UnsupportedMediaType

GZIP, DEFLATE = "gzip", "deflate"
ACCEPTED = f"{GZIP}, {DEFLATE}"
# Of input and of output; either takes less than a millisecond.
_PIECE_BYTES = 2**16
_ZLIB_HEADER_BYTES = 2
# Most have one; bgzip, for one, makes a new one every 64 KiB.
_MAX_MEMBERS = 1_000
_GZIP_WITH_LARGEST_WINDOW = 16 + zlib.MAX_WBITS


class Inflater:
    """Inflates a body as it comes; `num_bytes` are there so far."""

    def __init__(self, coding: str) -> None:
        """`coding` is GZIP or DEFLATE."""
        self.num_bytes = 0
        self._coding = coding
        self._begin = b""
        self._window = _GZIP_WITH_LARGEST_WINDOW if coding == GZIP else zlib.MAX_WBITS
        self._member = zlib.decompressobj(self._window)
        self._num_members = 1

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Inflate the next bytes; a piece may be empty.

        Raises:
            MalformedBody: they are not what the coding stands for.
        """
        if self._coding == DEFLATE and len(self._begin) < _ZLIB_HEADER_BYTES:
            self._begin += data
            if len(self._begin) < _ZLIB_HEADER_BYTES:
                return
            data = self._begin
            if not _is_zlib(data):
                self._member = zlib.decompressobj(-zlib.MAX_WBITS)
        for start in range(0, len(data), _PIECE_BYTES):
            left = data[start : start + _PIECE_BYTES]
            while left:
                if self._member.eof:
                    self._begin_next_member()
                try:
                    piece = self._member.decompress(left, _PIECE_BYTES)
                except zlib.error as error:
                    raise self._malformed(str(error).rpartition(": ")[2]) from error
                self.num_bytes += len(piece)
                yield piece
                left = self._member.unused_data or self._member.unconsumed_tail

    def end(self) -> None:
        """Check that nothing is missing.

        Raises:
            MalformedBody: the last bytes have not come.
        """
        if not self._member.eof:
            raise self._malformed("it ends too early")

    def _begin_next_member(self) -> None:
        if self._coding == DEFLATE:
            raise self._malformed("more bytes follow its end")
        if self._num_members == _MAX_MEMBERS:
            self._num_members += 1
            raise self._malformed("one more member begins")
        self._member = zlib.decompressobj(self._window)
        self._num_members += 1

    def _malformed(self, reason: str) -> MalformedBody:
        num_complete = self._num_members - 1
        where = f", after {num_complete} complete members" if num_complete else ""
        return MalformedBody(
            f"the body is not the {self._coding} that its Content-Encoding names: {reason}{where}",
            hint=f"Send one complete {self._coding} stream, or the body as it is, without a "
            "Content-Encoding.",
        )


def inflater(content_encoding: bytes) -> Inflater | None:
    """Return what inflates a body, or None if it comes as it is.

    Raises:
        UnsupportedMediaType: it is coded in another way, or twice.
    """
    codings = [each.strip().lower() for each in content_encoding.split(b",")]
    codings = [each for each in codings if each not in (b"", b"identity")]
    if not codings:
        return None
    # Source: RFC 9110, 8.4.1.3: the two are the same.
    if codings in ([b"gzip"], [b"x-gzip"]):
        return Inflater(GZIP)
    if codings == [b"deflate"]:
        return Inflater(DEFLATE)
    name = content_encoding[:100].decode("ascii", "backslashreplace")
    raise UnsupportedMediaType(
        f"the Content-Encoding is {name}; accepted: {ACCEPTED}, or none",
        hint="Send the body as it is, or compress it once, with gzip.",
        accepted_encoding=ACCEPTED,
    )


def _is_zlib(begin: bytes) -> bool:
    """Tell whether deflate comes within zlib, as it should, or bare, as some clients send it.

    Source: RFC 9110, 8.4.1.2, and RFC 1950, 2.2: the method, and a check of the first two bytes.
    """
    return begin[0] & 0x0F == zlib.DEFLATED and int.from_bytes(begin[:2]) % 31 == 0
