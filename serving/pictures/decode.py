"""From a picture file to the pixels that the network sees; serving and training decode with it."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops
from PIL.ImageFile import ImageFile

from serving.errors import FieldError, InvalidImage, PayloadTooLarge, TfgateError
from serving.pictures import gif, isobmff, jpeg, png, tags, tiff
from serving.pictures.colours import to_srgb
from serving.pictures.kinds import NAMES, describe, kind_of
from serving.pictures.pixels import Damaged, Pixels
from serving.pictures.quiet import be_quiet

SIDE = 32  # pixels, of the square that the network sees

# What a picture may cost: Pillow needs 300 to 500 MB for 25 megapixels, and about a second. A JPEG
# is decoded at a fraction of its size, and may be larger for less than that. Progressive files keep
# the coefficients of all pixels, which bounds their size, and go over them in some ten scans.
MAX_BYTES = 5_000_000
MAX_PIXELS = 25_000_000
MAX_JPEG_BYTES = 20_000_000
MAX_JPEG_PIXELS = 200_000_000
_MAX_JPEG_MEMORY = 300_000_000
_MAX_JPEG_WORK = 1_000_000_000  # pixels, times scans
_MAX_RLE_PIXELS = 2_000_000  # of a BMP file: its decoder is in Python

_SMALL_FILE = 10_000  # bytes; what is larger may well take a millisecond
_FAST = frozenset({"PNG", "JPEG", "WEBP", "GIF"})  # kinds of 20 ns a pixel

# A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size while it stays above this: a photograph of 12
# megapixels then costs a quarter, and eight source pixels still stand behind each of ours.
_DRAFT_SIZE = (8 * SIDE, 8 * SIDE)

_TAKE_APART: dict[str, Callable[[bytes], Pixels]] = {
    "JPEG": jpeg.take_apart,
    "PNG": png.take_apart,
    "GIF": gif.take_apart,
    "TIFF": tiff.take_apart,
    "AVIF": isobmff.take_apart,
    "HEIF": isobmff.take_apart,
}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns from 89 megapixels on and raises at twice that; the check below is stricter and
# speaks to the caller.
Image.MAX_IMAGE_PIXELS = None
be_quiet()


def decode(data: bytes) -> NDArray[np.uint8]:
    """Turn a picture file into pixels: uint8[32, 32, 3], sRGB, row-major from the top left.

    EXIF orientation and colour profiles are honoured, transparency is laid over white, the middle
    square is cut out and resized with a Lanczos filter. Of several pictures in a file the first is
    taken. No other metadata are read, so that none can do harm.

    Raises:
        PayloadTooLarge: more bytes than are read; nothing is decoded then.
        InvalidImage: no picture, none of the formats, too many pixels, or broken.
    """
    with opened(data) as (image, pixels):
        image.draft("RGB", _DRAFT_SIZE)
        if pixels.same_if_whole:
            _check_whole(image, pixels.same_if_whole)
        width, height = image.size
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return _to_array(image, pixels, (left, top, left + side, top + side), (SIDE, SIDE))


def decode_whole(data: bytes, most_side: int) -> NDArray[np.uint8]:
    """Turn a picture file into uint8[height, width, 3] as `decode` does, with nothing cut off.

    What is longer than `most_side` pixels is made smaller, in its proportions.

    Raises:
        PayloadTooLarge, InvalidImage: as `decode` does.
    """
    with opened(data) as (image, pixels):
        image.draft("RGB", (most_side, most_side))
        if pixels.same_if_whole:
            _check_whole(image, pixels.same_if_whole)
        share = min(1.0, most_side / max(image.size))
        width, height = (max(1, round(share * size)) for size in image.size)
        return _to_array(image, pixels, (0, 0, *image.size), (width, height))


@contextmanager
def opened(data: bytes) -> Iterator[tuple[ImageFile, Pixels]]:
    """Read the head of a picture file; its pixels are decoded when they are asked for.

    Raises:
        PayloadTooLarge, InvalidImage: as `decode` does.
    """
    kind = kind_of(data)
    if kind is None:
        raise _invalid(describe(data))
    _check_bytes(kind, data)
    try:
        pixels = _TAKE_APART.get(kind, Pixels)(data)
        with Image.open(io.BytesIO(pixels.file), formats=[kind]) as image:
            _check_cost(image, pixels)
            yield image, pixels
    except (TfgateError, MemoryError):
        raise
    except Exception as error:
        # Pillow's decoders raise whatever comes of broken bytes, from SyntaxError to ZeroDivision;
        # a list of it would be right until the next release.
        message = f"the {NAMES[kind]} file is cut short or broken, or of a rare kind"
        raise _invalid(f"{message}; save it anew as JPEG or PNG") from error


def decode_seconds(data: bytes) -> float:
    """Estimate, generously, how long `decode` takes; what cannot be opened is refused at once."""
    kind = kind_of(data)
    if kind is None:
        return 0
    if len(data) > _SMALL_FILE:
        return 1e-7 * len(data)
    try:
        pixels = _TAKE_APART.get(kind, Pixels)(data)
        if kind == "PNG":
            # Its size is where it always is: opening it as well takes more than twice as long.
            return _seconds(kind, *png.size(data), has_profile=bool(pixels.profile))
        with Image.open(io.BytesIO(pixels.file), formats=[kind]) as image:
            has_profile = bool(pixels.profile or "icc_profile" in image.info)
            return _seconds(kind, image.width, image.height, has_profile=has_profile)
    except Exception:  # noqa: BLE001  # as above
        return 0


def _seconds(kind: str, width: int, height: int, *, has_profile: bool) -> float:
    per_pixel = 2e-8 if kind in _FAST else 1e-7
    return 1e-4 + per_pixel * width * height + 2e-3 * has_profile


def _invalid(message: str) -> InvalidImage:
    return InvalidImage(message, fields=[FieldError("image", message)])


def _check_bytes(kind: str, data: bytes) -> None:
    most = MAX_JPEG_BYTES if kind == "JPEG" else MAX_BYTES
    if len(data) > most:
        size = f"the picture has {len(data):,} bytes"
        message = f"{size}; of a {NAMES[kind]} file at most {most:,} are read"
        raise PayloadTooLarge(message, fields=[FieldError("image", message)])


def _check_cost(image: ImageFile, pixels: Pixels) -> None:
    """Judge by the header alone, before any pixel is decoded."""
    if image.format == "JPEG":
        _check_jpeg(image.width, image.height, pixels)
        return
    if image.format == "BMP" and image.width >= 2**31:
        raise Damaged  # the format's widths have a sign, and this one is below zero
    is_rle = any(tile.codec_name == "bmp_rle" for tile in image.tile)
    most = _MAX_RLE_PIXELS if is_rle else MAX_PIXELS
    if max(image.width * image.height, pixels.tile_pixels) > most:
        kind = "run-length encoded BMP" if is_rle else NAMES[image.format or ""]
        raise _invalid(
            f"the picture has {image.width} x {image.height} pixels; of a {kind} file at most "
            f"{most:,} are decoded; scale it down, or send a JPEG file"
        )
    if image.mode in {"I", "F"}:
        raise _invalid(
            f"the {NAMES[image.format or '']} file's pixels are numbers of 32 bits, and nothing "
            "says which of them is white; save it with 8 or 16 bits a channel"
        )


def _check_jpeg(width: int, height: int, pixels: Pixels) -> None:
    size = f"the picture has {width} x {height} pixels"
    if width * height > MAX_JPEG_PIXELS:
        raise _invalid(
            f"{size}; of a JPEG file at most {MAX_JPEG_PIXELS:,} are decoded; scale it down"
        )
    if pixels.coefficients > _MAX_JPEG_MEMORY or width * height * pixels.scans > _MAX_JPEG_WORK:
        raise _invalid(
            f"{size} in {pixels.scans} scans, more than are decoded of a progressive JPEG file; "
            "save it without 'progressive', or scale it down"
        )


def _check_whole(image: ImageFile, file: bytes) -> None:
    with Image.open(io.BytesIO(file), formats=["JPEG"]) as other:
        other.draft("RGB", _DRAFT_SIZE)
        if ImageChops.difference(image, other).getbbox(alpha_only=False):
            raise Damaged


def _drawn(image: ImageFile) -> Image.Image | None:
    """Return where the first frame of a GIF file has pixels; None if it fills the screen."""
    whole = (0, 0, *image.size)
    if image.format != "GIF" or image.tile[0].extents in (None, whole):
        return None
    drawn = Image.new("L", image.size)
    drawn.paste(255, image.tile[0].extents)
    return drawn


def orientation_of(image: ImageFile, pixels: Pixels) -> int:
    """Give how a picture is to be turned, as EXIF numbers it."""
    return tags.orientation(pixels.exif or image.info.get("exif") or b"")


def _to_array(
    image: ImageFile, pixels: Pixels, box: tuple[int, int, int, int], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Cut the box (left, top, right, bottom) out, and resize it to width and height."""
    told = image.info
    orientation = orientation_of(image, pixels)
    drawn = _drawn(image)
    square = image if box == (0, 0, *image.size) else image.crop(box)
    if pixels.is_negative:
        square = Image.fromarray(65_535 - np.asarray(square))
    # Pixel by pixel, as browsers do: of values that are not sRGB's a mean would be another colour.
    square = to_srgb(square, pixels.profile or told.get("icc_profile") or b"", pixels.gamma)
    if drawn is not None:
        square = square.convert("RGBA")
        square.putalpha(ImageChops.darker(square.getchannel("A"), drawn.crop(box)))
    if square.size != size:
        square = square.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    # On so few pixels the rest costs nothing, and both steps commute with cutting and resizing.
    if orientation in _UPRIGHT:
        square = square.transpose(_UPRIGHT[orientation])
    if square.mode == "RGBA":
        white = Image.new("RGBA", square.size, "white")
        square = Image.alpha_composite(white, square).convert("RGB")
    return np.asarray(square, dtype=np.uint8)
