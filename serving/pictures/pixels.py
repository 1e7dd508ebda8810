"""What is left of a picture file when its metadata are taken away, and those that count."""

from dataclasses import dataclass

MOST_PROFILE_BYTES = 4_000_000  # of colours; the largest in use, for printing presses, have half


class Damaged(Exception):
    """The file is broken or cut short before its pixels."""


@dataclass(frozen=True)
class Pixels:
    """A file that a decoder reads pixels from, and what was told beside them.

    `exif` is a block whose orientation holds; `profile` is an ICC profile; `gamma` is the exponent
    by which the file's values were made from light. Empty or None stands for none. `scans` is how
    often a decoder goes over the picture, `coefficients` the bytes that it keeps in between, and
    `tile_pixels` the size of a tile, which it keeps whole. `same_if_whole` is there where the
    file's end was missing: it has the same pixels if they do not depend on what was put there.
    `is_negative` tells that the values of 16 bits count from white to black.
    """

    file: bytes
    exif: bytes = b""
    profile: bytes = b""
    gamma: float | None = None
    scans: int = 1
    coefficients: int = 0
    tile_pixels: int = 0
    is_negative: bool = False
    same_if_whole: bytes = b""
