"""Takes a TIFF file apart: its first page's pixels for the decoder, and what is told beside them.

Source: TIFF 6.0.
"""

import struct

from serving.pictures.pixels import Damaged, Pixels
from serving.pictures.tags import read_directory

_PROFILE, _KIND, _FURTHER_DIRECTORIES, _DNG_VERSION = 34675, 254, 330, 50706
_TILE_WIDTH, _TILE_HEIGHT = 322, 323

# What decoding takes: sizes, compression, where the strips and tiles lie, what the samples mean.
_LAYOUT = (*range(256, 260), 262, 266, 273, *range(277, 280), 284, 317, *range(322, 326))
_SAMPLES = (292, 293, 320, 332, 338, 339, 347, *range(512, 522), *range(529, 533), 50674)
_NEEDED = frozenset((*_LAYOUT, *_SAMPLES))


def take_apart(data: bytes) -> Pixels:
    """Put a directory at the file's end that names the first page alone, and no metadata.

    Raises:
        Damaged: there is no directory.
    """
    directory = read_directory(data)
    if directory is None:
        raise Damaged
    layout, order = directory.layout, directory.order
    entries = [directory.entries[tag] for tag in sorted(_NEEDED & directory.entries.keys())]
    padding = bytes(len(data) % 2)  # directories begin at even offsets
    pointer = struct.pack(order + layout.pointer, len(data) + len(padding))
    file = [
        data[: layout.pointer_at] + pointer,
        data[layout.pointer_at + len(pointer) :],
        padding,
        struct.pack(order + layout.length, len(entries)),
        *entries,
        bytes(len(pointer)),  # no further directory
    ]
    return Pixels(
        b"".join(file),
        exif=data,
        profile=directory.value(_PROFILE),
        tile_pixels=directory.integer(_TILE_WIDTH) * directory.integer(_TILE_HEIGHT),
    )


def is_camera_raw(data: bytes) -> bool:
    """Tell whether the first picture is a camera's preview, with the sensor's data elsewhere."""
    directory = read_directory(data)
    if directory is None:
        return False
    is_preview = directory.integer(_KIND) & 1 and _FURTHER_DIRECTORIES in directory.entries
    return bool(is_preview or _DNG_VERSION in directory.entries or data[8:10] == b"CR")
