"""Takes a PNG file apart: its pixels for the decoder, and what is told beside them.

Source: Portable Network Graphics, third edition, W3C, 2025.
"""

import struct
import zlib

from serving.pictures.pixels import MOST_PROFILE_BYTES, Damaged, Pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE = 0, 2, 3


def take_apart(data: bytes) -> Pixels:
    """Leave out every chunk that no pixel needs; of animations that leaves the still picture.

    As libpng does it, an ancillary chunk whose checksum is wrong counts as not there.

    Raises:
        Damaged: the file does not begin with its header, or lacks its palette.
    """
    header = data[16:29]
    if data[12:16] != b"IHDR" or len(header) < 13:
        raise Damaged
    kept, told = [SIGNATURE], dict[bytes, bytes]()
    position, has_palette = len(SIGNATURE), False
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if kind in {b"IHDR", b"PLTE", b"IDAT", b"IEND"}:
            kept.append(data[position:end])
            has_palette |= kind == b"PLTE"
        elif kind in {b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"eXIf"} and kind not in told:
            body = data[position + 8 : end - 4]
            if data[end - 4 : end] == _checksum(kind, body):
                told[kind] = body
                if kind == b"tRNS":
                    kept.append(_transparency(header, body))
        position = end
        if kind == b"IEND":
            break
    if header[9] == _PALETTE and not has_palette:
        raise Damaged
    profile = _profile(told.get(b"iCCP", b""))
    gamma = None
    if not profile and b"sRGB" not in told:
        gamma = int.from_bytes(told.get(b"gAMA", b"")) / 100_000
    return Pixels(b"".join(kept), told.get(b"eXIf", b""), profile, gamma or None)


def size(data: bytes) -> tuple[int, int]:
    """Read width and height from the header, which comes first."""
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _checksum(kind: bytes, body: bytes) -> bytes:
    return zlib.crc32(kind + body).to_bytes(4)


def _transparency(header: bytes, body: bytes) -> bytes:
    """Return the chunk in the depth that Pillow gives the pixels, or none if it is invalid.

    Pillow spreads greys of 2 and 4 bits to 8, and takes the upper half of 16 bits of a colour; the
    transparent value it leaves as it stands in the file.
    """
    depth, colour_type = header[8:10]
    if colour_type == _PALETTE:
        return _chunk(b"tRNS", body) if 1 <= len(body) <= 256 else b""
    if len(body) != {_GREY: 2, _RGB: 6}.get(colour_type):
        return b""
    values = struct.unpack(f">{len(body) // 2}H", body)
    if colour_type == _GREY and depth in {2, 4}:
        values = tuple(value * 255 // (2**depth - 1) for value in values)
    elif colour_type == _RGB and depth == 16:
        values = tuple(value >> 8 for value in values)
    return _chunk(b"tRNS", struct.pack(f">{len(values)}H", *(min(each, 65_535) for each in values)))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + _checksum(kind, body)


def _profile(chunk: bytes) -> bytes:
    compressed = chunk.partition(b"\0")[2][1:]
    try:
        return zlib.decompressobj().decompress(compressed, MOST_PROFILE_BYTES + 1)
    except zlib.error:
        return b""
