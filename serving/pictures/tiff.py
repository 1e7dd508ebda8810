"""Takes a TIFF file apart: its first page's pixels for the decoder, and what is told beside them.

Source: TIFF 6.0.
"""

import struct

from PIL import TiffImagePlugin

from serving.pictures.pixels import Damaged, Pixels
from serving.pictures.tags import Directory, read_directory

_PROFILE, _KIND, _FURTHER_DIRECTORIES, _DNG_VERSION = 34675, 254, 330, 50706
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_BITS, _MEANING = 258, 262

# What decoding takes: sizes, compression, where the strips and tiles lie, what the samples mean.
_LAYOUT = (*range(256, 260), 262, 266, 273, *range(277, 280), 284, 317, *range(322, 326))
_SAMPLES = (292, 293, 320, 332, 338, 339, 347, *range(512, 522), *range(529, 533), 50674)
_NEEDED = frozenset((*_LAYOUT, *_SAMPLES))

# Pillow's own reader, for what is not compressed, mixes the bytes of colours of 16 bits up that
# stand in planes.
TiffImagePlugin.READ_LIBTIFF = True


def take_apart(data: bytes) -> Pixels:
    """Put a directory at the file's end that names the first page alone, and no metadata.

    Raises:
        Damaged: there is no directory.
    """
    directory = read_directory(data)
    if directory is None:
        raise Damaged
    layout, order = directory.layout, directory.order
    padding = bytes(len(data) % 2)  # directories begin at even offsets
    pointer = struct.pack(order + layout.pointer, len(data) + len(padding))
    needed = {tag: directory.entries[tag] for tag in sorted(_NEEDED & directory.entries.keys())}
    is_negative = _is_negative(directory)
    if is_negative:
        value = struct.pack(f"{order}H", 1).ljust(len(pointer), b"\0")
        needed[_MEANING] = struct.pack(order + layout.entry, _MEANING, 3, 1, value)
    file = [
        data[: layout.pointer_at] + pointer,
        data[layout.pointer_at + len(pointer) :],
        padding,
        struct.pack(order + layout.length, len(needed)),
        *needed.values(),
        bytes(len(pointer)),  # no further directory
    ]
    return Pixels(
        b"".join(file),
        exif=data,
        profile=directory.value(_PROFILE),
        tile_pixels=directory.integer(_TILE_WIDTH) * directory.integer(_TILE_HEIGHT),
        is_negative=is_negative,
    )


def _is_negative(directory: Directory) -> bool:
    """Tell whether 0 is white in a picture of 16 bits, which Pillow overlooks."""
    bits, meaning = directory.integer(_BITS), directory.integer(_MEANING)
    return bits == 16 and meaning == 0 and _MEANING in directory.entries


def is_camera_raw(data: bytes) -> bool:
    """Tell whether the first picture is a camera's preview, with the sensor's data elsewhere."""
    directory = read_directory(data)
    if directory is None:
        return False
    is_preview = directory.integer(_KIND) & 1 and _FURTHER_DIRECTORIES in directory.entries
    return bool(is_preview or _DNG_VERSION in directory.entries or data[8:10] == b"CR")
