"""Which square of a picture the network sees, in the picture's own pixels."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from serving.pictures.decode import opened, orientation_of

# By EXIF's orientation, which margins of the picture as it is stored become the left and the top
# one of the picture as it is looked at: of left, top, right and bottom.
_MARGINS = {2: (2, 1), 3: (2, 3), 4: (0, 3), 5: (1, 0), 6: (3, 0), 7: (3, 2), 8: (1, 2)}
_ON_THEIR_SIDE = frozenset({5, 6, 7, 8})


class Crop(TypedDict):
    """The square that was looked at, in pixels of the picture as it was sent, held upright."""

    left: Annotated[int, Field(ge=0, description="pixels left of the square")]
    top: Annotated[int, Field(ge=0, description="pixels above it")]
    side: Annotated[int, Field(ge=1, description="its width and height")]
    width: Annotated[int, Field(ge=1, description="of the picture")]
    height: Annotated[int, Field(ge=1, description="of the picture")]


def crop_of(data: bytes) -> Crop:
    """Give the square of a file that `decode` decodes; only the file's head is read.

    A large JPEG file is decoded at a fraction of its size, to whose pixels its square is rounded.
    """
    with opened(data) as (image, pixels):
        width, height = image.size
        orientation = orientation_of(image, pixels)
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    margins = left, top, width - side - left, height - side - top
    at_left, at_top = _MARGINS.get(orientation, (0, 1))
    if orientation in _ON_THEIR_SIDE:
        width, height = height, width
    return {
        "left": margins[at_left],
        "top": margins[at_top],
        "side": side,
        "width": width,
        "height": height,
    }
