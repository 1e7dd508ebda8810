"""What a file is, by its first bytes; and of what is not decoded: its name, and what to do."""

import base64
import binascii
import re

from PIL import AvifImagePlugin, Image

from serving.pictures import tiff

try:
    import pillow_heif
except ImportError:  # it comes with the extra `heic`
    _HEIC_NAME: dict[str, str] = {}
else:
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    _HEIC_NAME = {"HEIF": "HEIC"}

# A gateway decodes many pictures at once: more threads for each would be in each other's way.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# What is decoded: people's names for it by Pillow's.
NAMES = {
    "JPEG": "JPEG",
    "PNG": "PNG",
    "WEBP": "WebP",
    "GIF": "GIF",
    "AVIF": "AVIF",
    "TIFF": "TIFF",
    "BMP": "BMP",
    **_HEIC_NAME,
}
ALL_NAMES = " or ".join(", ".join(NAMES.values()).rsplit(", ", 1))

_HEIC = rb".{4}ftyp(.{4}){0,12}?(hei[cxms]|hev[cx]|mif1|msf1)"
_SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WEBP": rb"RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    "AVIF": rb".{4}ftyp(.{4}){0,12}?avi[fs]",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "HEIF": _HEIC,
}

_CONVERT = "convert it to JPEG or PNG"
_FRAME = "send one of its frames as JPEG or PNG"
_PAGE = "export a page of it as JPEG or PNG"
_BINARY = "send the file's bytes unchanged; with curl, by --data-binary @FILE instead of -d @FILE"
_JSON = "send the file itself, or its base64 as JSON with Content-Type: application/json"

# What people send besides, often by mistake: how it begins, its name, and what to do.
_OTHERS = (
    (_HEIC, "a HEIC picture", f"{_CONVERT}; iPhones do, by Settings, Camera, Most Compatible"),
    (rb"\xff\x0a|.{4}JXL \r\n", "a JPEG XL picture", _CONVERT),
    (rb".{4}jP  \r\n|\xff\x4f\xff\x51", "a JPEG 2000 picture", _CONVERT),
    (rb"II[*+]\0|MM\0[*+]|.{4}ftypcrx |IIRO|IIU\0|FUJIFILM", "a camera's raw file", _CONVERT),
    (rb".{4}(ftyp|moov|mdat|wide|free)|\x1aE\xdf\xa3|RIFF.{4}AVI |FLV\x01", "a video", _FRAME),
    (rb"%PDF-", "a PDF document", _PAGE),
    (rb"%!PS", "a PostScript document", _PAGE),
    (rb"8BPS", "a Photoshop document", _PAGE),
    (rb"\0\0[\1\2]\0", "a Windows icon", _CONVERT),
    (rb"P[1-7]\s", "a Netpbm picture", _CONVERT),
    (rb"PK[\3\5\7]", "a ZIP archive or an office document", "send a picture out of it"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd", "compressed", "unpack it first"),
    (rb"\x89PNG", "a PNG file whose line ends were changed on its way", _BINARY),
    (rb"\xef\xbf\xbd|\xc2\x89PNG|\xc3\xbf\xc3\x98", "binary that was taken for text", _BINARY),
    (rb"(?i)\s*(<!doctype html|<html)", "a page of HTML", "send the picture, not its page"),
    (rb"(?i)\s*<(.{0,3000}?<)?svg", "an SVG drawing", "export it as PNG"),
    (rb"\s*<[?!a-zA-Z]", "a document of XML", _JSON),
    (rb"\s*[\[{]", "JSON", _JSON),
    (rb"data:", "a data URL", _JSON),
    (rb"https?://", "a URL, which nobody fetches here", _JSON),
    (rb"--.{0,300}Content-Disposition", "a form", "set its Content-Type: multipart/form-data"),
)


def suffixes() -> tuple[str, ...]:
    """Return what such files' names end in: .avif, .bmp, .jpeg, .jpg, .tif and so on."""
    kinds = Image.registered_extensions()
    return tuple(sorted(suffix for suffix, kind in kinds.items() if kind in NAMES))


def kind_of(data: bytes) -> str | None:
    """Return Pillow's name of a format that is decoded; None if the file is none of those."""
    if _has_lost_zeros(data):
        return None
    for kind in NAMES:
        if re.match(_SIGNATURES[kind], data[:64], re.DOTALL):
            return None if kind == "TIFF" and tiff.is_camera_raw(data) else kind
    return None


def describe(data: bytes) -> str:
    """Say what a file is that is not decoded, and what to do about it."""
    if not data:
        return f"no bytes came; {_BINARY}"
    for start, name, advice in _OTHERS:
        if re.match(start, data[:4096], re.DOTALL):
            return f"what came is {name}, which is not decoded here; {advice}"
    if _is_base64(data):
        return f"what came is base64 text; {_JSON}"
    if _is_text(data):
        return f"what came is text; {_BINARY}"
    if _has_lost_zeros(data):
        return f"what came has no zeros, as every picture has: it was sent as text; {_BINARY}"
    return f"what came begins as no known kind of picture does; send a {ALL_NAMES} file"


def _has_lost_zeros(data: bytes) -> bool:
    """Tell what curl -d makes of files: every kind of picture has zeros among its first bytes."""
    return len(data) > 256 and b"\0" not in data


def _is_base64(data: bytes) -> bool:
    start = b"".join(data[:100].split())[:64]
    try:
        decoded = base64.b64decode(start[: len(start) // 4 * 4], altchars=b"-_", validate=True)
    except binascii.Error:
        decoded = b""
    return kind_of(decoded) is not None or any(
        re.match(other, decoded, re.DOTALL) for other, _, _ in _OTHERS[:6]
    )


def _is_text(data: bytes) -> bool:
    try:
        text = data[:1024].decode("utf-8-sig") if len(data) < 1024 else data[:1024].decode("ascii")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in text)
