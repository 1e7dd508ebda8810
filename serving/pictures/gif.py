"""Takes a GIF file apart: its first frame's pixels for the decoder.

Source: Graphics Interchange Format, version 89a.
"""

import re

from serving.pictures.pixels import Damaged, Pixels

_MOST_BLOCKS = 10_000
_HEADER_BYTES = 13
_START = re.compile(rb"[!,;]")  # of an extension, of a frame, and of the end
_CONTROL = b"!\xf9\x04"


def take_apart(data: bytes) -> Pixels:
    """Leave out what stands before the first frame, but for which colour is transparent.

    What is to be done with the frame before the next is left out with it: Pillow takes as much
    memory for that as the frame says to be large, before its size can be judged.

    Raises:
        Damaged: the file ends before its first frame, or has more blocks there than anybody writes.
    """
    flags = data[10]
    position = _HEADER_BYTES + (6 << (flags & 7) if flags & 0x80 else 0)
    header, control = data[:position], b""
    for _ in range(_MOST_BLOCKS):
        found = _START.search(data, position)
        if found is None or found[0] == b";":
            raise Damaged
        start = found.start()
        if found[0] == b",":
            return Pixels(header + control + data[start:])
        if data[start : start + 3] == _CONTROL and data[start + 3] & 1:
            control = _CONTROL + b"\1\0\0" + data[start + 6 : start + 7] + b"\0"
        position = start + 2
        while size := data[position]:
            position += 1 + size
        position += 1
    raise Damaged
