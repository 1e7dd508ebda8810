"""What is too large is refused before it is decoded; photographs of telephones are not."""

import io
import struct
import zlib
from typing import Any
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from serving.errors import InvalidImage, PayloadTooLarge
from serving.pictures.decode import (
    MAX_BYTES,
    MAX_JPEG_BYTES,
    decode,
    decode_seconds,
)
from tests.serving.pictures.files import all_kinds, bmp, chunk, file_of, soft, tiff

SMALL = file_of(soft(64, 64), "JPEG")
PROGRESSIVE = file_of(soft(64, 64), "JPEG", progressive=True, subsampling=0)


def resized(jpeg: bytes, width: int, height: int) -> bytes:
    """State another size in a JPEG file's header; its pixels then end early."""
    at = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", b"garbage"), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(PayloadTooLarge, match="5,000,064 bytes; of a PNG file at most 5,000,000"):
        decode(png_header(1, 1) + bytes(MAX_BYTES))
    with pytest.raises(PayloadTooLarge, match="of a JPEG file at most 20,000,000"):
        decode(SMALL + bytes(MAX_JPEG_BYTES))


def test_a_photograph_may_have_more_than_five_megabytes() -> None:
    np.testing.assert_array_equal(decode(SMALL + bytes(2 * MAX_BYTES)), decode(SMALL))


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    # The data chunk is garbage: had anything been decoded, the message would be another.
    with pytest.raises(
        InvalidImage, match="60000 x 60000 pixels; of a PNG file at most 25,000,000"
    ):
        decode(png_header(60_000, 60_000))


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "AVIF", "TIFF", "BMP"])
def test_no_format_goes_beyond_the_pixels(file_format: str) -> None:
    blank = Image.new("1", (5_100, 5_000))
    options: dict[str, dict[str, Any]] = {
        "TIFF": {"compression": "group4"},
        "AVIF": {"quality": 1, "speed": 10},
        "WEBP": {"method": 0},
    }

    with pytest.raises(InvalidImage, match="5100 x 5000 pixels"):
        decode(file_of(blank, file_format, **options.get(file_format, {})))


def test_twenty_five_megapixels_are_still_decoded() -> None:
    assert decode(file_of(Image.new("1", (5000, 5000), 1))).min() == 255


def test_a_photograph_of_48_megapixels_is_decoded() -> None:
    jpeg = file_of(Image.linear_gradient("L").resize((8064, 6048)), "JPEG", quality=50)

    pixels = decode(jpeg)

    assert pixels[0].max() < 8
    assert pixels[-1].min() > 247
    assert decode_seconds(jpeg) > 1e-3


def test_a_jpeg_has_a_limit_of_pixels() -> None:
    with pytest.raises(InvalidImage, match="20000 x 10001 pixels; of a JPEG file at most 200,000"):
        decode(resized(SMALL, 20_000, 10_001))


def test_a_progressive_jpeg_keeps_its_coefficients_within_bounds() -> None:
    """Three components of 2 bytes for each of 50 megapixels are 300 MB."""
    with pytest.raises(InvalidImage, match=r"7072 x 7072 pixels in 10 scans, .* without"):
        decode(resized(PROGRESSIVE, 7_072, 7_072))
    with pytest.raises(InvalidImage, match="JPEG file is cut short"):
        decode(resized(PROGRESSIVE, 70, 70)[:-200])


def test_scans_without_end_are_refused() -> None:
    """A scan may have a few bytes, and the decoder goes over all pixels for each of them."""
    last = PROGRESSIVE.rindex(b"\xff\xda")
    many = PROGRESSIVE[:last] + PROGRESSIVE[last:-2] * 400 + PROGRESSIVE[-2:]

    assert decode(many).shape == (32, 32, 3)
    with pytest.raises(InvalidImage, match="in 409 scans"):
        decode(resized(many, 1_600, 1_600))


def test_markers_in_what_follows_a_picture_are_no_scans() -> None:
    photograph = file_of(soft(400, 400), "JPEG", progressive=True)
    video = b"\0\2" + b"\xff\xda\0\2" * 9_000

    np.testing.assert_array_equal(decode(photograph + video), decode(photograph))


def test_a_frame_takes_no_memory_before_its_size_is_judged() -> None:
    """Pillow prepares, while it opens a file, the colour that replaces a frame of 4 GB."""
    small = file_of(Image.new("P", (8, 8)), "GIF")
    frame = small.index(b",\0\0\0\0\x08\0\x08\0")
    large = struct.pack("<HH", 65_535, 60_000)
    file = small[:frame] + b"!\xf9\4\x08\0\0\0\0" + small[frame : frame + 5] + large

    with (
        mock.patch("PIL.Image.core.fill", side_effect=MemoryError) as fill,
        pytest.raises(InvalidImage, match="65535 x 60000 pixels; of a GIF file"),
    ):
        decode(file + small[frame + 9 :])
    fill.assert_not_called()


def test_a_gif_has_a_limit_of_blocks() -> None:
    small = file_of(Image.new("P", (8, 8)), "GIF")
    frame = small.index(b",\0\0\0\0\x08\0\x08\0")

    assert decode(small[:frame] + b"!\xfe\0" * 9_000 + small[frame:]).shape == (32, 32, 3)
    with pytest.raises(InvalidImage, match="GIF file is cut short or broken"):
        decode(small[:frame] + b"!\xfe\0" * 20_000 + small[frame:])


def test_a_bitmap_of_runs_is_held_to_fewer_pixels() -> None:
    """Its decoder is in Python: 25 megapixels of line ends took it 3 seconds, from 20 kB."""
    with pytest.raises(InvalidImage, match="run-length encoded BMP file at most 2,000,000"):
        decode(bmp(8, 1, b"\0\0" * 2_000, (2_000, 2_000)))


def test_a_tile_may_not_be_larger_than_a_picture() -> None:
    entries = {256: (3, 1, 8), 257: (3, 1, 8), 258: (3, 1, 8), 259: (3, 1, 8), 262: (3, 1, 1)}
    entries |= {322: (4, 1, 30_000), 323: (4, 1, 30_000), 324: (4, 1, 8), 325: (4, 1, 64)}

    with pytest.raises(InvalidImage, match="of a TIFF file at most"):
        decode(tiff(entries, zlib.compress(bytes(64))))


@pytest.mark.parametrize("name", sorted(all_kinds()))
def test_time_is_estimated_for_every_kind(name: str) -> None:
    assert 1e-4 < decode_seconds(all_kinds()[name]) < 1e-2


def test_what_may_take_long_is_known_by_its_header() -> None:
    blank = io.BytesIO()
    Image.new("1", (3000, 3000)).save(blank, "PNG")

    assert len(blank.getvalue()) < 5_000
    assert decode_seconds(blank.getvalue()) > 0.1
    assert decode_seconds(png_header(60_000, 60_000)) > 1
    assert decode_seconds(SMALL[:300]) == 0


def test_a_width_below_zero_is_no_large_one() -> None:
    file = bytearray(file_of(soft(64, 64), "BMP"))
    file[18:22] = struct.pack("<i", -64)

    with pytest.raises(InvalidImage, match="BMP file is cut short or broken"):
        decode(bytes(file))
