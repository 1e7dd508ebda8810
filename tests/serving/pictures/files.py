"""Small picture files of every kind, with the metadata that telephones and programs add."""

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from tests.serving.pictures.profiles import DISPLAY_P3

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
_SIZE = (60, 44)


def file_of(picture: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.copy().save(file, file_format, **options)
    return file.getvalue()


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def soft(width: int, height: int) -> Image.Image:
    """Draw a picture without edges, which every lossy format keeps well."""
    return noise(6, 5).resize((width, height), Image.Resampling.BICUBIC)


def exif(orientation: int = 1) -> bytes:
    """Return a block with what cameras write: strings, fractions, a directory inside."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F], tags[0x0132] = "Camera", "2026:01:02 03:04:05"
    tags[0x011A] = tags[0x011B] = 72.0
    tags.get_ifd(0x8769).update({0x829A: 0.01, 0x9000: b"0232", 0xA002: 60})
    return tags.tobytes()


def chunk(kind: bytes, body: bytes, *, checksum: int | None = None) -> bytes:
    """Return a chunk of a PNG file, with the right checksum unless another is given."""
    checksum = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """Put chunks behind the header of a PNG file."""
    return png[:33] + b"".join(chunks) + png[33:]


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    """Put a segment at the front of a JPEG file."""
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + jpeg[2:]


def bmp(bits: int, compression: int, pixels: bytes, size: tuple[int, int] = (4, 4)) -> bytes:
    """Return a Windows bitmap with a palette of blues to reds."""
    colours = 2**bits if bits <= 8 else 0
    palette = b"".join(bytes((255 - i % 256, 0, i % 256, 0)) for i in range(colours))
    start = 54 + len(palette)
    header = struct.pack("<IHHI", start + len(pixels), 0, 0, start)
    details = (40, *size, 1, bits, compression, len(pixels), 0, 0, colours, 0)
    return b"BM" + header + struct.pack("<IiiHHIIiiII", *details) + palette + pixels


def tiff(entries: Mapping[int, tuple[int, int, int]], pixels: bytes, order: str = "<") -> bytes:
    """Return a TIFF file with these entries: by tag the type, the number of values, and a value."""
    packed = (
        struct.pack(f"{order}HHI", tag, kind, number)
        + struct.pack(
            f"{order}HH" if kind == 3 else f"{order}I", *((value, 0) if kind == 3 else (value,))
        )
        for tag, (kind, number, value) in sorted(entries.items())
    )
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(pixels))
    return head + pixels + struct.pack(f"{order}H", len(entries)) + b"".join(packed) + bytes(4)


def _frames() -> dict[str, Any]:
    # Made anew each time: saving leaves traces in a picture, which another format falls over.
    return {"save_all": True, "append_images": [noise(*_SIZE), soft(*_SIZE).rotate(90)]}


def all_kinds() -> dict[str, bytes]:
    """Return a file of every kind that is decoded, by a name."""
    picture = soft(*_SIZE)
    told: dict[str, Any] = {"exif": exif(6), "icc_profile": DISPLAY_P3}
    grey16 = Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257)
    rgba = picture.convert("RGBA")
    rgba.putalpha(picture.convert("L"))
    files = {
        "jpeg": file_of(picture, "JPEG", **told),
        "progressive": file_of(picture, "JPEG", progressive=True, **told),
        "cmyk": file_of(picture.convert("CMYK"), "JPEG"),
        "grey jpeg": file_of(picture.convert("L"), "JPEG", exif=exif(3)),
        "telephone": file_of(picture, "MPO", exif=exif(8), **_frames()),
        "png": file_of(rgba, "PNG", **told),
        "png of 16 bits": file_of(grey16, "PNG", transparency=257 * 100, exif=exif(5)),
        "palette": file_of(picture.quantize(16), "PNG", transparency=bytes(range(0, 160, 10))),
        "animated png": file_of(picture, "PNG", **_frames()),
        "webp": file_of(rgba, "WEBP", **told),
        "lossless webp": file_of(rgba, "WEBP", lossless=True),
        "animated webp": file_of(picture, "WEBP", **_frames()),
        "gif": file_of(picture, "GIF", **_frames()),
        "avif": file_of(picture, "AVIF", speed=10, **told),
        "avif with alpha": file_of(rgba, "AVIF", speed=10),
        "animated avif": file_of(picture, "AVIF", speed=10, **_frames()),
        "bmp": file_of(picture, "BMP"),
        "bmp of runs": bmp(8, 1, b"\x20\x05\x20\x09\x00\x00" * 40 + b"\x00\x01", (64, 40)),
        "bmp with palette": file_of(picture.quantize(16), "BMP"),
        "big tiff": file_of(picture, "TIFF", big_tiff=True),
        "tiff of pages": file_of(picture, "TIFF", **_frames()),
    }
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        files[f"tiff {compression}"] = file_of(
            picture, "TIFF", compression=compression, icc_profile=DISPLAY_P3
        )
    for mode in ("1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "F"):
        made = {"I;16": grey16, "LAB": Image.new("LAB", _SIZE)}.get(mode)
        files[f"tiff {mode}"] = file_of(made or rgba.convert(mode), "TIFF")
    files["tiff fax"] = file_of(picture.convert("1"), "TIFF", compression="group4")
    return files
