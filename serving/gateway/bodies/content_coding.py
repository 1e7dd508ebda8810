"""Bodies that are compressed on their way: gzip, inflated piece by piece.

On the event loop, which serves others between two pieces: a thread would be one more thing that a
crowd of such bodies could use up.
"""

import zlib
from collections.abc import Iterator

from serving.errors import MalformedBody, UnsupportedMediaType

GZIP = "gzip"
# Of input and of output; either takes less than a millisecond.
_PIECE_BYTES = 2**16
# Most have one; bgzip, for one, makes a new one every 64 KiB.
_MAX_MEMBERS = 1_000
_GZIP_WITH_LARGEST_WINDOW = 16 + zlib.MAX_WBITS


class Inflater:
    """Inflates a gzip body as it comes; `num_bytes` are there so far."""

    def __init__(self) -> None:
        self.num_bytes = 0
        self._member = zlib.decompressobj(_GZIP_WITH_LARGEST_WINDOW)
        self._num_members = 1

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Inflate the next bytes; a piece may be empty.

        Raises:
            MalformedBody: they are no gzip.
        """
        for start in range(0, len(data), _PIECE_BYTES):
            left = data[start : start + _PIECE_BYTES]
            while left:
                if self._member.eof:
                    self._begin_next_member()
                try:
                    piece = self._member.decompress(left, _PIECE_BYTES)
                except zlib.error as error:
                    raise _malformed(str(error).rpartition(": ")[2], self._num_members) from error
                self.num_bytes += len(piece)
                yield piece
                left = self._member.unused_data or self._member.unconsumed_tail

    def end(self) -> None:
        """Check that nothing is missing.

        Raises:
            MalformedBody: the last bytes have not come.
        """
        if not self._member.eof:
            raise _malformed("it ends too early", self._num_members)

    def _begin_next_member(self) -> None:
        if self._num_members == _MAX_MEMBERS:
            raise _malformed("one more member begins", self._num_members + 1)
        self._member = zlib.decompressobj(_GZIP_WITH_LARGEST_WINDOW)
        self._num_members += 1


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
        return Inflater()
    name = content_encoding[:100].decode("ascii", "backslashreplace")
    raise UnsupportedMediaType(
        f"the Content-Encoding is {name}; accepted: {GZIP}, or none",
        hint="Send the body as it is, or compress it once, with gzip.",
        accepted_encoding=GZIP,
    )


def _malformed(reason: str, num_members: int) -> MalformedBody:
    where = f", after {num_members - 1} complete members" if num_members > 1 else ""
    return MalformedBody(
        f"the body is not the gzip that its Content-Encoding names: {reason}{where}",
        hint="Send one complete gzip file, or the body as it is, without a Content-Encoding.",
    )
