"""Files of every kind, damaged at random: `make fuzz` tries them for ten minutes.

A file's damage follows from a number, so that each failure can be had again.
"""

import argparse
import os
import random
import resource
import struct
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable
from itertools import count

import numpy as np

from serving.errors import InvalidImage, PayloadTooLarge
from serving.pictures.decode import SIDE, decode, decode_seconds
from tests.serving.pictures.files import all_kinds

FILES = all_kinds()
_NAMES = sorted(FILES)
_EXTREMES = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff",
    b"\0\0",
    b"\xff" * 4,
    b"\x7f" + b"\xff" * 3,
)
_STARTS = b"\xff\xd8\xda\xe1\0\1II*MM"


def damaged(seed: int) -> bytes:
    """Return one of the files with some of its bytes changed, moved, doubled or cut."""
    source = random.Random(seed)  # noqa: S311  # it has to be repeatable
    data = bytearray(FILES[source.choice(_NAMES)])
    for _ in range(source.choice((1, 1, 2, 3, 8))):
        source.choice(_DAMAGES)(data, source)
    is_png = data.startswith(b"\x89PNG") and source.random() < 0.8
    return _with_right_checksums(bytes(data)) if is_png else bytes(data)


def is_answered(data: bytes) -> bool:
    """Decode a file, or see it refused; anything else is an error here as it would be there."""
    assert decode_seconds(data) >= 0
    try:
        pixels = decode(data)
    except (InvalidImage, PayloadTooLarge):
        return False
    assert pixels.shape == (SIDE, SIDE, 3)
    assert pixels.dtype == np.uint8
    return True


def _somewhere(data: bytearray, source: random.Random) -> int:
    """Choose a place; the first bytes, where the structure is, most often."""
    end = len(data) if source.random() < 0.5 else min(len(data), 400)
    return source.randrange(max(1, end))


def _flip(data: bytearray, source: random.Random) -> None:
    for _ in range(source.choice((1, 1, 1, 4, 30))):
        at = _somewhere(data, source)
        data[at : at + 1] = bytes([source.randrange(256)])


def _set_extreme(data: bytearray, source: random.Random) -> None:
    at, value = _somewhere(data, source), source.choice(_EXTREMES)
    data[at : at + len(value)] = value


def _cut(data: bytearray, source: random.Random) -> None:
    at = _somewhere(data, source)
    del data[at : at + source.choice((1, 2, 4, 12, 100))]


def _end(data: bytearray, source: random.Random) -> None:
    del data[_somewhere(data, source) :]


def _double(data: bytearray, source: random.Random) -> None:
    at, size = _somewhere(data, source), source.choice((2, 12, 60, 400))
    target = _somewhere(data, source)
    data[target:target] = data[at : at + size] * source.choice((1, 1, 2, 50))


def _insert(data: bytearray, source: random.Random) -> None:
    at = _somewhere(data, source)
    data[at:at] = bytes(source.choices(_STARTS, k=source.choice((1, 4, 16))))


def _shift_number(data: bytearray, source: random.Random) -> None:
    at, layout = _somewhere(data, source), source.choice((">H", "<H", ">I", "<I"))
    size = struct.calcsize(layout)
    if at + size <= len(data):
        (number,) = struct.unpack_from(layout, data, at)
        number += source.choice((-256, -2, -1, 1, 2, 256, 65_536))
        struct.pack_into(layout, data, at, number % 256**size)


_DAMAGES: list[Callable[[bytearray, random.Random], None]] = [
    *(_flip, _set_extreme, _cut, _end, _double, _insert, _shift_number)
]


def _with_right_checksums(png: bytes) -> bytes:
    """Make checksums fit what is in the chunks now; the decoder would not go further else."""
    data, at = bytearray(png), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(data)


def main() -> None:
    """Try files for as long as is asked; end with an error at the first that does harm."""
    parser = argparse.ArgumentParser(description="Damage pictures, and decode them.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0, help="the first file's number")
    asked = parser.parse_args()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")
    with tempfile.TemporaryFile() as errors:
        console = os.dup(2)
        os.dup2(errors.fileno(), 2)  # decoders in C write there by themselves
        try:
            _run(asked.seed, asked.minutes * 60)
        finally:
            os.dup2(console, 2)
            errors.seek(0)
            sys.stderr.write(errors.read(2000).decode(errors="replace"))
        if errors.tell():
            sys.exit("something was written to stderr")


def _run(first: int, seconds: float) -> None:
    begin = said = time.monotonic()
    answered, slowest = 0, (0.0, first)
    for tried in count(1):
        seed, start = first + tried - 1, time.monotonic()
        try:
            answered += is_answered(damaged(seed))
        except BaseException:
            sys.stdout.write(f"\nfile {seed}:\n")
            raise
        now = time.monotonic()
        slowest = max(slowest, (now - start, seed))
        if now - said > 1 or now - begin > seconds:
            said = now
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            sys.stdout.write(
                f"\r{tried:,} files, {answered:,} answered, {tried - answered:,} refused, "
                f"{tried / (now - begin):.0f} a second; slowest {slowest[0]:.2f} s "
                f"(file {slowest[1]}); {memory:.0f} MB"
            )
            sys.stdout.flush()
        if now - begin > seconds:
            sys.stdout.write("\n")
            return


if __name__ == "__main__":
    main()
