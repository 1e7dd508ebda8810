"""Pictures are made here, pixel by pixel, so that what must come out is known."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from serving.errors import InvalidImage
from serving.pictures.decode import SIDE, decode
from tests.serving.pictures.files import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    bmp,
    chunk,
    exif,
    file_of,
    noise,
    soft,
    tiff,
)


def test_a_picture_of_the_right_size_is_taken_pixel_by_pixel() -> None:
    picture = noise(SIDE, SIDE)

    np.testing.assert_array_equal(decode(file_of(picture)), np.asarray(picture))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"])
@pytest.mark.parametrize("size", [(1, 1), (32, 32), (33, 31), (640, 480), (480, 640), (3, 2000)])
def test_every_format_and_size_becomes_32_by_32(file_format: str, size: tuple[int, int]) -> None:
    pixels = decode(file_of(Image.new("RGB", size, GREEN), file_format))

    assert pixels.shape == (SIDE, SIDE, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels, np.broadcast_to(GREEN, pixels.shape), atol=3)


def test_the_middle_square_is_cut_out() -> None:
    picture = Image.new("RGB", (300, 100), RED)
    picture.paste(BLUE, (100, 0, 200, 100))

    np.testing.assert_array_equal(decode(file_of(picture)), np.full((SIDE, SIDE, 3), BLUE))


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, WHITE),
        ("L", 128, (128, 128, 128)),
        ("LA", (0, 0), WHITE),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (255, 0, 0, 128), (255, 127, 127)),
        ("RGBA", (255, 0, 0, 255), RED),
        ("I;16", 0x8080, (128, 128, 128)),
    ],
)
def test_every_mode_becomes_rgb_over_white(mode: str, colour: Any, expected: Any) -> None:
    pixels = decode(file_of(Image.new(mode, (40, 40), colour)))

    np.testing.assert_allclose(pixels, np.broadcast_to(expected, pixels.shape), atol=1)


def test_a_palette_with_transparency_is_laid_over_white() -> None:
    picture = Image.new("P", (40, 40), 0)
    picture.putpalette([*RED, *BLUE])

    pixels = decode(file_of(picture, transparency=0))

    np.testing.assert_array_equal(pixels, np.full((SIDE, SIDE, 3), 255))


def test_cmyk_jpegs_are_read() -> None:
    pixels = decode(file_of(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG"))

    np.testing.assert_allclose(pixels, np.broadcast_to(RED, pixels.shape), atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "MPO", "AVIF"])
def test_exif_orientation_is_honoured(orientation: int, file_format: str) -> None:
    upright = Image.new("RGB", (64, 64), WHITE)
    upright.paste(RED, (0, 0, 32, 32))  # top left
    upright.paste(BLUE, (32, 0, 64, 32))  # top right
    stored_as = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if stored_as is None else upright.transpose(stored_as)

    pixels = decode(file_of(stored, file_format, exif=exif(orientation)))

    np.testing.assert_allclose(pixels[8, 8], RED, atol=40)
    np.testing.assert_allclose(pixels[8, 24], BLUE, atol=40)
    np.testing.assert_allclose(pixels[24, 16], WHITE, atol=40)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "AVIF", "TIFF", "MPO"])
def test_of_several_pictures_the_first_is_taken(file_format: str) -> None:
    red, blue = (Image.new("RGB", (40, 40), colour) for colour in (RED, BLUE))

    pixels = decode(file_of(red, file_format, save_all=True, append_images=[blue, blue]))

    np.testing.assert_allclose(pixels, np.broadcast_to(RED, pixels.shape), atol=3)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
def test_truncated_files_are_refused(file_format: str, share: float) -> None:
    data = file_of(noise(200, 200), file_format)

    with pytest.raises(InvalidImage, match="cut short"):
        decode(data[: int(len(data) * share)])


WHOLE = {
    "baseline": file_of(noise(300, 200), "JPEG"),
    "progressive": file_of(noise(300, 200), "JPEG", progressive=True),
    "restarts": file_of(
        Image.new("RGB", (320, 320), (10, 200, 30)), "JPEG", restart_marker_blocks=3
    ),
    "large": file_of(soft(2_400, 1_800), "JPEG", restart_marker_rows=1),
}


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_a_jpeg_may_lack_its_end_but_not_pixels(whole: bytes) -> None:
    for end in (b"", b"\xff", b"\xff\xff", bytes(50)):
        np.testing.assert_array_equal(decode(whole[:-2] + end), decode(whole))
    restarts = [at for at in range(len(whole)) if whole[at] == 0xFF and whole[at + 1] >> 3 == 26]
    ends = [at + after for at in restarts[-9:] for after in (0, 2)]
    for cut in (len(whole) // 2, len(whole) - 200, *ends):
        with pytest.raises(InvalidImage, match="JPEG file is cut short"):
            decode(whole[:cut])


def test_a_palette_must_be_there() -> None:
    palette = file_of(noise(40, 40).quantize(16))
    start = palette.index(b"PLTE") - 4
    end = start + 12 + int.from_bytes(palette[start : start + 4])

    with pytest.raises(InvalidImage, match="PNG file is cut short or broken"):
        decode(palette[:start] + palette[end:])


@pytest.mark.parametrize("control", [b"", b"!\xf9\4\x08\0\0\0\0", b"!\xfe\2hi\0" * 2])
def test_a_gif_is_transparent_where_its_first_frame_has_no_pixels(control: bytes) -> None:
    whole = file_of(Image.new("P", (16, 32)), "GIF", palette=bytes((*RED, *BLUE)))
    frame = whole.index(b",\0\0\0\0\x10\0\x20\0")
    colours = 13 + (6 << (whole[10] & 7))
    screen = whole[:6] + struct.pack("<HH", 32, 32) + whole[10:colours]

    pixels = decode(screen + control + b",\x10" + whole[frame + 2 :])

    np.testing.assert_array_equal(pixels[:, :16], 255)
    np.testing.assert_array_equal(pixels[:, 16:], np.full((SIDE, 16, 3), RED))


def grey_16_bits(order: str = "<") -> NDArray[np.uint16]:
    """Make 40 by 40 values: dark at the left, bright at the right."""
    return np.repeat(np.linspace(0, 65_535, 40).astype(f"{order}u2")[None], 40, axis=0)


@pytest.mark.parametrize(("orientation", "bright"), [(1, "right"), (3, "left"), (6, "bottom")])
def test_grey_of_16_bits_keeps_its_orientation(orientation: int, bright: str) -> None:
    picture = Image.fromarray(grey_16_bits())

    pixels = decode(file_of(picture, exif=exif(orientation))).mean(axis=2)

    sides = {"right": pixels[:, -1], "left": pixels[:, 0], "bottom": pixels[-1], "top": pixels[0]}
    assert max(sides, key=lambda side: sides[side].mean()) == bright
    assert sides[bright].min() > 245


def test_grey_of_16_bits_keeps_its_transparency() -> None:
    values = np.full((SIDE, SIDE), 0x1234, np.uint16)
    values[:, 16:] = 0x1235

    pixels = decode(file_of(Image.fromarray(values), transparency=0x1234))

    np.testing.assert_array_equal(pixels[:, :16], 255)
    np.testing.assert_array_equal(pixels[:, 16:], 0x1235 // 257)


@pytest.mark.parametrize(
    ("depth", "colour_type", "row", "transparent"),
    [
        (1, 0, b"\0\0\xff\xff", b"\0\0"),
        (2, 0, b"\xaa" * 4 + b"\x55" * 4, b"\0\2"),
        (4, 0, b"\x99" * 8 + b"\x33" * 8, b"\0\x09"),
        (8, 0, b"\x99" * 16 + b"\x33" * 16, b"\0\x99"),
        (16, 2, b"\x99\0" * 48 + b"\x33\0" * 48, b"\x99\0" * 3),
    ],
)
def test_one_colour_of_a_png_is_transparent_in_every_depth(
    depth: int, colour_type: int, row: bytes, transparent: bytes
) -> None:
    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, colour_type, 0, 0, 0)
    data = zlib.compress((b"\0" + row) * SIDE)
    chunks = [(b"IHDR", header), (b"tRNS", transparent), (b"IDAT", data), (b"IEND", b"")]

    pixels = decode(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks))

    np.testing.assert_array_equal(pixels[:, :16], 255)
    np.testing.assert_array_equal(pixels[:, 16:], {1: 255, 2: 0x55}.get(depth, 0x33))


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiffs_of_16_bits_are_scaled_in_either_order(order: str) -> None:
    entries = {256: (3, 1, 40), 257: (3, 1, 40), 258: (3, 1, 16), 259: (3, 1, 1), 262: (3, 1, 1)}
    entries |= {273: (4, 1, 8), 277: (3, 1, 1), 278: (3, 1, 40), 279: (4, 1, 3200)}

    pixels = decode(tiff(entries, grey_16_bits(order).tobytes(), order))

    expected = decode(file_of(Image.fromarray(grey_16_bits())))
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiffs_of_16_bits_may_count_from_white(order: str) -> None:
    entries = {256: (3, 1, 40), 257: (3, 1, 40), 258: (3, 1, 16), 259: (3, 1, 1), 262: (3, 1, 0)}
    entries |= {273: (4, 1, 8), 277: (3, 1, 1), 278: (3, 1, 40), 279: (4, 1, 3200)}
    negative = (65_535 - grey_16_bits()).astype(f"{order}u2")

    pixels = decode(tiff(entries, negative.tobytes(), order))

    np.testing.assert_array_equal(pixels, decode(file_of(Image.fromarray(grey_16_bits()))))


@pytest.mark.parametrize("order", ["<", ">"])
def test_colours_of_16_bits_may_stand_in_planes(order: str) -> None:
    """Three planes of one strip each; where the lists are comes before the pixels' own place."""
    planes = np.asarray(noise(SIDE, SIDE)).transpose(2, 0, 1).astype(f"{order}u2") * 257
    size = planes[0].nbytes
    lists = struct.pack(f"{order}3H", 16, 16, 16) + bytes(2)
    lists += struct.pack(f"{order}6I", *(40 + size * n for n in range(3)), *[size] * 3)
    entries = {256: (3, 1, SIDE), 257: (3, 1, SIDE), 258: (4, 3, 8), 259: (3, 1, 1), 262: (3, 1, 2)}
    entries |= {273: (4, 3, 16), 277: (3, 1, 3), 278: (3, 1, SIDE), 279: (4, 3, 28)}
    entries |= {284: (3, 1, 2)}
    file = tiff(entries, lists + planes.tobytes(), order)
    bits = struct.pack(f"{order}HH", 258, 4)
    file = file.replace(bits, struct.pack(f"{order}HH", 258, 3))

    np.testing.assert_array_equal(decode(file), np.asarray(noise(SIDE, SIDE)))


@pytest.mark.parametrize("mode", ["I", "F"])
def test_numbers_without_a_white_are_refused(mode: str) -> None:
    with pytest.raises(InvalidImage, match="nothing says which of them is white"):
        decode(file_of(Image.new(mode, (40, 40), 1), "TIFF"))


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, WHITE),
        ("L", 77, (77, 77, 77)),
        ("LA", (0, 0), WHITE),
        ("P", 0, RED),
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("RGBA", (255, 0, 0, 128), (255, 127, 127)),
        ("CMYK", (0, 255, 255, 0), RED),
        ("YCbCr", (76, 85, 255), RED),
        ("LAB", (128, 128, 128), (119, 119, 119)),
    ],
)
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_every_mode_of_tiffs_becomes_rgb(
    mode: str, colour: Any, expected: Any, compression: str
) -> None:
    picture = Image.new(mode, (40, 40), colour)
    if mode == "P":
        picture.putpalette([*RED, *BLUE])

    pixels = decode(file_of(picture, "TIFF", compression=compression))

    np.testing.assert_allclose(pixels, np.broadcast_to(expected, pixels.shape), atol=3)


def test_bitmaps_of_runs_are_read() -> None:
    pixels = decode(bmp(8, 1, b"\x04\xff\x00\x00" * 4 + b"\x00\x01"))

    np.testing.assert_array_equal(pixels, np.full((SIDE, SIDE, 3), RED))


def test_bitmaps_may_stand_on_their_head_or_not() -> None:
    rows = bytes((0, 0, 255)) * 4 * 2 + bytes((255, 0, 0)) * 4 * 2

    from_below, from_above = (decode(bmp(24, 0, rows, (4, height))) for height in (4, -4))

    np.testing.assert_allclose(from_below[[0, -1], 0], [BLUE, RED], atol=15)
    np.testing.assert_allclose(from_above[[0, -1], 0], [RED, BLUE], atol=15)


def test_a_photograph_that_is_decoded_at_a_fraction_of_its_size_looks_the_same() -> None:
    """At an eighth of its size instead of a half, it would be off by 2.7 levels on average."""
    photograph = noise(128, 128).resize((512, 512), Image.Resampling.BICUBIC)
    jpeg = file_of(photograph, "JPEG", quality=95)
    whole = Image.open(io.BytesIO(jpeg)).convert("RGB")

    difference = np.abs(decode(jpeg).astype(float) - decode(file_of(whole)))

    assert difference.mean() < 1
