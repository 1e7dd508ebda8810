"""What is no picture that is decoded is told by its name, with what to do."""

import base64
import gzip
import io
import zipfile

import pytest
from PIL import Image

from serving.errors import InvalidImage
from serving.pictures import kinds
from serving.pictures.decode import decode, decode_seconds
from tests.serving.pictures.files import exif, file_of, noise, soft, tiff

PNG, JPEG = file_of(noise(40, 40)), file_of(noise(40, 40), "JPEG")


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4) + kind + body


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("ship.png", PNG)
    return file.getvalue()


RAW = tiff({254: (4, 1, 1), 256: (3, 1, 8), 257: (3, 1, 8), 330: (4, 1, 8)}, bytes(64))
DNG = tiff({256: (3, 1, 8), 257: (3, 1, 8), 50706: (1, 4, 0x401)}, bytes(64))


@pytest.mark.parametrize(
    ("data", "name", "advice"),
    [
        (b"", "no bytes came", "--data-binary @FILE"),
        (box(b"ftyp", b"M4V isomavc1") + bytes(99), "a video", "one of its frames"),
        (box(b"ftyp", b"qt  qt  ") + bytes(99), "a video", "one of its frames"),
        (b"\x1aE\xdf\xa3webm" + bytes(99), "a video", "one of its frames"),
        (b"RIFF\0\0\0\0AVI LIST", "a video", "one of its frames"),
        (box(b"ftyp", b"crx isom") + bytes(99), "a camera's raw file", "convert it"),
        (RAW, "a camera's raw file", "convert it"),
        (DNG, "a camera's raw file", "convert it"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(99), "a camera's raw file", "convert it"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(99), "a camera's raw file", "convert it"),
        (b"\xff\x0a\xfa" + bytes(99), "a JPEG XL picture", "convert it"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", "convert it"),
        (file_of(noise(9, 9), "JPEG2000"), "a JPEG 2000 picture", "convert it"),
        (file_of(noise(9, 9), "ICO"), "a Windows icon", "convert it"),
        (file_of(noise(9, 9), "PPM"), "a Netpbm picture", "convert it"),
        (file_of(noise(9, 9), "PDF"), "a PDF document", "export a page"),
        (file_of(noise(9, 9), "EPS"), "a PostScript document", "export a page"),
        (b"8BPS\0\1" + bytes(99), "a Photoshop document", "export a page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing", "PNG"),
        (b'<?xml version="1.0"?>\n<!-- made -->\n<svg width="9"/>', "an SVG drawing", "PNG"),
        (b"\n <!DOCTYPE svg PUBLIC '-//W3C'>\n<svg/>", "an SVG drawing", "PNG"),
        (b"<!DOCTYPE html><title>Not found</title><svg/>", "a page of HTML", "not its page"),
        (b"<html><body>", "a page of HTML", "not its page"),
        (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "XML", "send the file itself"),
        (b'{"image": "aGk="}', "JSON", "Content-Type: application/json"),
        (b"data:image/png;base64,aGk=", "a data URL", "send the file itself"),
        (b"https://example.org/ship.png", "a URL", "send the file itself"),
        (b"--x\r\nContent-Disposition: form-data", "a form", "multipart/form-data"),
        (base64.b64encode(PNG), "base64 text", "as JSON"),
        (base64.encodebytes(JPEG), "base64 text", "as JSON"),
        (base64.urlsafe_b64encode(JPEG), "base64 text", "as JSON"),
        (base64.b64encode(file_of(noise(9, 9), "PDF")), "base64 text", "as JSON"),
        (b"ship.png", "text", "--data-binary @FILE"),
        (b"@ship.png", "text", "--data-binary @FILE"),
        ("zażółć".encode(), "text", "--data-binary @FILE"),
        (b"\xef\xbb\xbfname;class\n", "text", "--data-binary @FILE"),
        (archive(), "a ZIP archive", "send a picture out of it"),
        (gzip.compress(PNG), "compressed", "unpack it first"),
        (PNG.replace(b"\r\n", b"\n", 1), "line ends were changed", "--data-binary @FILE"),
        (PNG.decode(errors="replace").encode(), "taken for text", "--data-binary @FILE"),
        (PNG.decode("latin-1").encode(), "taken for text", "--data-binary @FILE"),
        (JPEG.decode("latin-1").encode(), "taken for text", "--data-binary @FILE"),
        (bytes(100), "no known kind", "JPEG, PNG, WebP, GIF, AVIF, TIFF"),
        (bytes(range(128, 256)) * 4, "was sent as text", "--data-binary @FILE"),
    ],
)
def test_what_came_is_named_and_what_to_do(data: bytes, name: str, advice: str) -> None:
    with pytest.raises(InvalidImage) as refusal:
        decode(data)

    assert name in refusal.value.detail
    assert advice in refusal.value.detail
    assert [field.field for field in refusal.value.fields] == ["image"]
    assert decode_seconds(data) == 0


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_what_curl_sends_as_text_is_told(file_format: str) -> None:
    """curl -d @FILE leaves out line ends and zeros."""
    data = file_of(noise(40, 40), file_format).translate(None, b"\r\n\0")

    with pytest.raises(InvalidImage, match="--data-binary @FILE"):
        decode(data)


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"mif1", b"msf1"])
def test_heic_is_named_where_it_is_not_decoded(
    brand: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(kinds.NAMES, "HEIF", raising=False)

    with pytest.raises(InvalidImage, match="HEIC picture, which is not decoded here; convert it"):
        decode(box(b"ftyp", brand + bytes(4) + b"miafheic") + bytes(500))


def test_heic_is_decoded_with_its_extra() -> None:
    pytest.importorskip("pillow_heif")
    picture = soft(64, 48)

    for orientation in (1, 6):
        upright = decode(file_of(picture, "JPEG", exif=exif(orientation), quality=95))
        pixels = decode(file_of(picture, "HEIF", exif=exif(orientation), quality=95))
        assert abs(pixels.astype(float) - upright).mean() < 4


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"])
def test_a_beginning_alone_is_called_cut_short(file_format: str) -> None:
    data = file_of(Image.new("RGB", (40, 40)), file_format)[:40]

    with pytest.raises(InvalidImage, match=f"the {kinds.NAMES[file_format]} file is cut short"):
        decode(data)
