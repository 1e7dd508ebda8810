"""The square that is said to be looked at is the one that is decoded."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from serving.errors import InvalidImage
from serving.pictures.crop import crop_of
from serving.pictures.decode import decode
from tests.serving.pictures.files import exif, file_of, noise, soft


@pytest.mark.parametrize("size", [(60, 44), (61, 44), (44, 61), (33, 36), (40, 40), (1, 7)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_square_of_a_picture_that_is_turned_is_that_of_what_one_sees(
    size: tuple[int, int], orientation: int
) -> None:
    file = file_of(noise(*size), exif=exif(orientation))
    crop = crop_of(file)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    assert (crop["width"], crop["height"]) == upright.size
    left, top, side = crop["left"], crop["top"], crop["side"]
    square = upright.crop((left, top, left + side, top + side))
    assert square.size == (min(size), min(size))
    # Rounding depends on where resizing begins; of a noise, the next square is quite another.
    seen, expected = (decode(each).astype(int) for each in (file, file_of(square)))
    assert np.abs(seen - expected).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_the_square_is_found_in_every_kind_of_file(kind: str) -> None:
    assert crop_of(file_of(soft(61, 44), kind)) == {
        "left": 8,
        "top": 0,
        "side": 44,
        "width": 61,
        "height": 44,
    }


def test_a_photograph_that_is_decoded_smaller_has_its_square_in_its_own_pixels() -> None:
    crop = crop_of(file_of(soft(4000, 3000), "JPEG", exif=exif(6)))
    assert crop == {"left": 0, "top": 500, "side": 3000, "width": 3000, "height": 4000}


def test_a_file_that_is_no_picture_is_refused() -> None:
    with pytest.raises(InvalidImage):
        crop_of(b"no picture")
