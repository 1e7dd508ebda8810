"""Multipart forms: one file, whatever a client puts around it; all else is told what is wrong."""

import httpx
import pytest

from tests.drawings import drawing, file_of

PICTURE = file_of(drawing(), "PNG")
FILE = '; name="image"; filename="a.png"'
END = b"--b--\r\n"
TYPE = "multipart/form-data; boundary=b"


def part(about: str = FILE, content: bytes = PICTURE, more: str = "") -> bytes:
    return (
        f"--b\r\nContent-Disposition: form-data{about}\r\n{more}\r\n".encode() + content + b"\r\n"
    )


def send(http: httpx.Client, body: bytes, content_type: str = TYPE) -> httpx.Response:
    return http.post("/predict/image", content=body, headers={"Content-Type": content_type})


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (part() + END, TYPE),
        (b"Dear reader,\r\nyou have no MIME.\r\n" + part() + END, TYPE),
        (b"\r\n" + part() + END, TYPE),
        (b"--bogus\r\n" + part() + END, TYPE),
        (part() + END + b"an epilogue\r\n--b\r\n", TYPE),
        (part() + b"--b--", TYPE),
        (part() + END, 'multipart/form-data; charset=utf-8; boundary="b"'),
        (part() + END, "Multipart/Form-Data; Boundary=b"),
        (part("; name=\"image\"; filename*=UTF-8''sch%C3%B6n.png") + END, TYPE),
        (part("; name*=UTF-8''image; filename=\"a.png\"") + END, TYPE),
        (part('; filename="a.png"') + END, TYPE),
        (part('; name="image"; filename=""') + END, TYPE),
        (part(f'; name="image"; filename="{"ä" * 200}.png"') + END, TYPE),
        (part(more="Content-Transfer-Encoding: binary\r\nContent-Type: x/y\r\n") + END, TYPE),
        (part().replace(b"Content-Disposition", b"CONTENT-DISPOSITION") + END, TYPE),
    ],
)
def test_one_file_is_found(http: httpx.Client, body: bytes, content_type: str) -> None:
    answer = send(http, body, content_type)

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        (b"", TYPE, "the body is empty"),
        (END, TYPE, "no file"),
        (part() + part('; name="lang"', b"en") + END, TYPE, "the text field 'lang'"),
        (part('; name="lang"', b"en") + END, TYPE, "the text field 'lang'"),
        (part('; name="image"') + END, TYPE, "the text field 'image'"),
        (part('; name="n"', b"") * 9 + END, TYPE, "9 text fields: 'n', 'n', 'n', 'n', 'n', …"),
        (part(f'; name="{"n" * 999}"', b"") + END, TYPE, f"the text field '{'n' * 40}'"),
        (part('; name="\x1b\\"', b"") + END, TYPE, r"'\x1b\\'"),
        (part('; name="\\ud800"', b"") + END, f"{TYPE}; charset=raw_unicode_escape", r"'\ud800'"),
        (part('; name="ä"', b"") + END, f"{TYPE}; charset=nonsense", "'Ã¤'"),
        (part('; name="a"', b"") + END, f"{TYPE}; charset=undefined", "charset"),
        (part() * 2 + END, TYPE, "2 files: 'image', 'image'"),
        (part() + END, "multipart/form-data", "names no boundary"),
        (part() + END, "multipart/form-data; boundary=", "names no boundary"),
        (part() + END, "multipart/form-data; boundary=c", "no line of the form"),
        (part().replace(b"\r\n", b"\n"), TYPE, "ended by CR LF"),
        (b"x", TYPE, "no line of the form"),
        (part(), TYPE, "closing boundary"),
        (part()[:-40], TYPE, "closing boundary"),
        (b"--" + b"b" * 300 + b"--", f"multipart/form-data; boundary={'b' * 300}", "300"),
        (
            part(more="Content-Transfer-Encoding: BASE64\r\n") + END,
            *(TYPE, "Content-Transfer-Encoding 'base64'"),
        ),
        (
            part(more="Content-Transfer-Encoding: quoted-printable\r\n") + END,
            *(TYPE, "Content-Transfer-Encoding 'quoted-printable'"),
        ),
        (b"--b\r\nA b: c\r\n\r\nx\r\n" + END, TYPE, "cannot be read"),
        (b"--b\r\n\r\nx\r\n" + END, TYPE, "the text field ''"),
    ],
)
def test_another_form_is_told_what_is_wrong(
    http: httpx.Client, body: bytes, content_type: str, told: str
) -> None:
    answer = send(http, body, content_type)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-body")
    assert told in answer.json()["detail"]
    assert answer.json()["hint"]


def test_an_empty_file_is_told_as_such_with_or_without_a_form(http: httpx.Client) -> None:
    for answer in (send(http, b"", "image/png"), send(http, part(content=b"") + END, TYPE)):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-image")
        assert "no bytes came" in answer.json()["detail"]
