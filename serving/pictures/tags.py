"""The directory of tags that TIFF files and EXIF blocks begin with.

Nothing here raises on what is broken: a tag that cannot be read is not there.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

ORIENTATION = 0x0112

# How struct names a value of each TIFF type, as far as types are looked at here.
_TYPES = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}
_EXIF = b"Exif\0\0"  # stands before the block in a JPEG file, and by mistake elsewhere


class _Layout(NamedTuple):
    """How struct names the parts of a directory, and where the file says that it begins."""

    pointer_at: int
    pointer: str
    length: str
    entry: str  # tag, type, number of values, and the values or where they are


_CLASSIC = _Layout(4, "I", "H", "HHI4s")
_BIG = _Layout(8, "Q", "Q", "HHQ8s")


@dataclass(frozen=True)
class Directory:
    """The first directory of a block: its entries by tag, as they stand there.

    `order` is struct's sign for the order of bytes. Values are copied when they are asked for:
    thousands of entries may all point to the same megabytes.
    """

    block: bytes
    order: str
    layout: _Layout
    entries: Mapping[int, bytes]

    def value(self, tag: int) -> bytes:
        """Return the bytes of a tag; empty if it is not there, or of a type unknown here."""
        if tag not in self.entries:
            return b""
        _, kind, number, inline = struct.unpack(self.order + self.layout.entry, self.entries[tag])
        length = number * struct.calcsize(_TYPES.get(kind, ""))
        if length <= len(inline):
            return bytes(inline[:length])
        (start,) = struct.unpack(self.order + self.layout.pointer, inline)
        return self.block[start : start + length]

    def integer(self, tag: int) -> int:
        """Return the first number of a tag; 0 if it has none."""
        value = self.value(tag)
        if not value:
            return 0
        kind = _TYPES[struct.unpack_from(f"{self.order}H", self.entries[tag], 2)[0]]
        size = struct.calcsize(kind)
        return int.from_bytes(value[:size], "little" if self.order == "<" else "big")


def read_directory(block: bytes) -> Directory | None:
    """Read the first directory, of TIFF or BigTIFF; None if the block is neither.

    Source: TIFF 6.0, section 2; BigTIFF has the same with 64 bits.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 16:
        return None
    (version,) = struct.unpack_from(f"{order}H", block, 2)
    if version not in {42, 43}:
        return None
    layout = _BIG if version == 43 else _CLASSIC
    (start,) = struct.unpack_from(order + layout.pointer, block, layout.pointer_at)
    first, size = start + struct.calcsize(f"={layout.length}"), struct.calcsize(f"={layout.entry}")
    if first > len(block):
        return None
    (number,) = struct.unpack_from(order + layout.length, block, start)
    entries: dict[int, bytes] = {}
    for at in range(first, min(first + number * size, len(block) - size + 1), size):
        (tag,) = struct.unpack_from(f"{order}H", block, at)
        entries.setdefault(tag, block[at : at + size])
    return Directory(block, order, layout, entries)


def orientation(block: bytes) -> int:
    """Return how an EXIF block or a TIFF file says that its picture stands: 2 to 8; else upright.

    Source: EXIF 2.32, tag 0x0112. Nothing else of the block is looked at, nor need be in order.
    """
    directory = read_directory(block.removeprefix(_EXIF))
    return 1 if directory is None else directory.integer(ORIENTATION)
