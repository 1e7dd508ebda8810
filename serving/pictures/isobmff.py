"""Takes AVIF and HEIC files apart: their pixels for the decoder, which also turns them upright.

Source: ISO/IEC 14496-12, 8.11.6; AVIF 1.1 has orientation as a property of the picture alone.
"""

import re

from serving.pictures.pixels import Pixels

# An entry of the list of items, of version 2 or 3, up to the item's type.
_EXIF_ITEM = re.compile(rb"(infe[\2\3].{7}(?:..)?)Exif", re.DOTALL)


def take_apart(data: bytes) -> Pixels:
    """Give EXIF items a type that no decoder knows: Pillow would read them, and write them anew."""
    return Pixels(_EXIF_ITEM.sub(rb"\1none", data))
