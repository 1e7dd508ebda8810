"""Metadata turn a picture upright and give its colours; they never keep it from being decoded."""

import struct
import zlib

import numpy as np
import pytest

from serving.errors import InvalidImage
from serving.pictures import isobmff
from serving.pictures.decode import decode, decode_seconds
from tests.serving.pictures.files import (
    chunk,
    exif,
    file_of,
    noise,
    soft,
    tiff,
    with_chunks,
    with_segment,
)
from tests.serving.pictures.profiles import DISPLAY_P3

PICTURE = soft(64, 64)
PNG, JPEG = file_of(PICTURE), file_of(PICTURE, "JPEG")
ROTATED = {name: np.rot90(decode(data), -1) for name, data in (("PNG", PNG), ("JPEG", JPEG))}

# What stands in an orientation's entry: type, number of values, value; and how it is read.
ENTRIES = [
    ((3, 1, 6), 6),
    ((4, 1, 6), 6),
    ((1, 1, 6), 6),
    ((3, 2, 6), 6),
    ((3, 0, 6), 1),
    ((3, 1, 9), 1),
    ((3, 1, 0), 1),
    ((2, 2, 0x36), 1),
    ((5, 1, 6), 1),
    ((11, 1, 6), 1),
    ((99, 1, 6), 1),
    ((3, 2**31, 6), 1),
]


def block(*entries: tuple[int, int, int, int], order: str = "<") -> bytes:
    """Return EXIF with these entries: tag, type, number of values, value."""
    return tiff({tag: (kind, number, value) for tag, kind, number, value in entries}, b"", order)


def told(exif_block: bytes, kind: str) -> bytes:
    if kind == "PNG":
        return with_chunks(PNG, chunk(b"eXIf", exif_block))
    return with_segment(JPEG, 0xE1, b"Exif\0\0" + exif_block)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(("entry", "read_as"), ENTRIES)
def test_the_orientation_is_read_alone(
    entry: tuple[int, int, int], read_as: int, kind: str, order: str
) -> None:
    layout = {1: "B3x", 3: "HH"}.get(entry[0], "I")
    value = struct.pack(order + layout, entry[2], *([0] * (layout == "HH")))
    packed = struct.pack(f"{order}HHI", 0x0112, *entry[:2]) + value
    head = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, 1)

    pixels = decode(told(head + packed + bytes(4), kind))

    upright = decode(PNG if kind == "PNG" else JPEG)
    np.testing.assert_array_equal(pixels, ROTATED[kind] if read_as == 6 else upright)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("tag", [0x010F, 0x011A, 0x0128, 0x0132, 0x8769, 0x8825, 0x02BC, 0x9286])
@pytest.mark.parametrize("type_", [0, 1, 2, 5, 7, 9, 10, 11, 12, 13, 129])
@pytest.mark.parametrize("number", [1, 3, 2**20])
def test_any_other_tag_may_be_of_any_type(kind: str, tag: int, type_: int, number: int) -> None:
    wrong = (tag, type_, number, 0xFFFFFFF0)

    pixels = decode(told(block((0x0112, 3, 1, 6), wrong), kind))

    np.testing.assert_array_equal(pixels, ROTATED[kind])


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        bytes(8),
        bytes(2000),
        b"garbage" * 100,
        exif()[6:20],
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"MM\0+" + b"\xff" * 40,
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0",
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_broken_exif_is_none(broken: bytes, kind: str) -> None:
    pixels = decode(told(broken, kind))

    np.testing.assert_array_equal(pixels, decode(PNG if kind == "PNG" else JPEG))


@pytest.mark.parametrize("file_format", ["WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("damage", [b"", bytes(200), b"II*\0\xff\xff\xff\xff" + bytes(20)])
def test_broken_exif_is_none_in_modern_formats(file_format: str, damage: bytes) -> None:
    if file_format == "HEIF":
        pytest.importorskip("pillow_heif")
    data = file_of(PICTURE, file_format, exif=exif())
    start = data.index(b"MM\0*")
    broken = data[:start] + damage.ljust(60, b"\xff")[:60] + data[start + 60 :]

    np.testing.assert_array_equal(decode(broken), decode(data))


@pytest.mark.parametrize("entry", [b"infe\2" + bytes(7), b"infe\3" + bytes(9)])
def test_exif_items_are_hidden_from_decoders_in_every_version(entry: bytes) -> None:
    """Names of items have two bytes in version 2, and four in version 3."""
    assert isobmff.take_apart(entry + b"Exif").file == entry + b"none"


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"tEXt", b"Comment\0much" + b"text " * 400_000),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(10_000_000))),
        chunk(b"iTXt", b"XML\0\1\0\0\0" + zlib.compress(bytes(10_000_000))),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(500_000))) * 200,
        chunk(b"tEXt", b"Comment\0wrong", checksum=1),
        chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(20_000_000))),
        chunk(b"iCCP", b"name\0\0garbage"),
        chunk(b"iCCP", b"name\0\7" + zlib.compress(bytes(10))),
        chunk(b"iCCP", b"", checksum=1),
        chunk(b"iCCP", b"P3\0\0" + zlib.compress(DISPLAY_P3), checksum=1),
        chunk(b"eXIf", exif(6)[6:], checksum=1),
        chunk(b"pHYs", b"short"),
        chunk(b"gAMA", b""),
        chunk(b"gAMA", bytes(4)),
        chunk(b"cHRM", b"short"),
        chunk(b"tRNS", b"1"),
        chunk(b"tRNS", bytes(6), checksum=1),
        chunk(b"tIME", b"never"),
        chunk(b"acTL", bytes(8)),
        chunk(b"fcTL", bytes(3)),
        chunk(b"ab1!", b"not even a name"),
    ],
)
def test_no_other_chunk_keeps_a_png_from_being_decoded(extra: bytes) -> None:
    np.testing.assert_array_equal(decode(with_chunks(PNG, extra)), decode(PNG))
    end = PNG.index(b"IEND") - 4
    np.testing.assert_array_equal(decode(PNG[:end] + extra + PNG[end:]), decode(PNG))


@pytest.mark.parametrize(
    ("marker", "body"),
    [
        (0xE0, b"JFIF\0"),
        (0xE0, b"JFXX\0\x10broken"),
        (0xE1, b"Exif\0\0"),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0<broken"),
        (0xE2, b"MPF\0garbage of an index"),
        (0xE2, b"MPF\0"),
        (0xE2, b"ICC_PROFILE\0"),
        (0xE2, b"ICC_PROFILE\0\1\5part"),
        (0xE2, b"ICC_PROFILE\0\1\1" + bytes(3000)),
        (0xE2, b"FPXR\0"),
        (0xED, b"Photoshop 3.0\0008BIM\3\xed\0"),
        (0xEB, b"JP\0\1hdr gain map"),
        (0xFE, bytes(65_000)),
    ],
)
def test_no_other_segment_keeps_a_jpeg_from_being_decoded(marker: int, body: bytes) -> None:
    np.testing.assert_array_equal(decode(with_segment(JPEG, marker, body)), decode(JPEG))


@pytest.mark.parametrize("tag", [270, 282, 283, 305, 306, 700, 33432, 34665, 34675, 34853, 37724])
@pytest.mark.parametrize("kind", [0, 2, 5, 7, 11, 13, 99])
def test_no_other_tag_keeps_a_tiff_from_being_decoded(tag: int, kind: int) -> None:
    entries = {256: (3, 1, 8), 257: (3, 1, 8), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1)}
    entries |= {273: (4, 1, 8), 278: (3, 1, 8), 279: (4, 1, 64)}
    pixels = bytes(range(0, 256, 4))

    decoded = decode(tiff(entries | {tag: (kind, 2**24, 0xFFFFFFF0)}, pixels))

    np.testing.assert_array_equal(decoded, decode(tiff(entries, pixels)))


@pytest.mark.parametrize("data", [PNG, JPEG, file_of(PICTURE, "WEBP"), file_of(PICTURE, "GIF")])
def test_what_follows_a_picture_does_not_matter(data: bytes) -> None:
    """Telephones put a video there, or depths; others leave zeros."""
    trailing = bytes(100) + file_of(noise(20, 20), "JPEG", progressive=True) + b"\0\0\0\x18ftypmp42"

    np.testing.assert_array_equal(decode(data + trailing), decode(data))


def test_the_index_of_a_telephones_second_picture_does_not_matter() -> None:
    whole = file_of(PICTURE, "MPO", save_all=True, append_images=[noise(64, 64)])
    index = whole.index(b"MPF\0")

    broken = whole[: index + 4] + bytes(60) + whole[index + 64 :]

    for each in (whole, broken):
        np.testing.assert_allclose(decode(each), decode(JPEG), atol=2)


def test_orientation_in_xmp_alone_is_not_read() -> None:
    """Browsers read EXIF's alone; Pillow would take this one, too."""
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'

    np.testing.assert_array_equal(decode(with_segment(JPEG, 0xE1, xmp)), decode(JPEG))


def test_ten_thousand_segments_are_the_most() -> None:
    empty = b"\xff\xfe\0\2"
    assert decode(JPEG[:2] + empty * 9_000 + JPEG[2:]).shape == (32, 32, 3)

    with pytest.raises(InvalidImage, match="JPEG file is cut short or broken"):
        decode(JPEG[:2] + empty * 20_000 + JPEG[2:])


def test_values_that_overlap_are_not_copied_for_each_tag() -> None:
    """29,000 tags of a megabyte each, which all lie at the same place."""
    entries = dict.fromkeys(range(1_000, 30_000), (7, 1_000_000, 8))

    assert decode_seconds(told(block((0x0112, 3, 1, 6)), "PNG")) > 0
    with pytest.raises(InvalidImage, match="TIFF file is cut short"):
        decode(tiff(entries, bytes(1_000_000)))


def test_pixels_that_are_missing_are_not_made_up() -> None:
    for file_format in ("JPEG", "PNG"):
        data = file_of(noise(100, 100), file_format)
        with pytest.raises(InvalidImage, match=f"{file_format} file is cut short"):
            decode(data[: len(data) // 2])
