"""What is not UTF-8 is recognised, and the command that is named converts it."""

import bz2
import gzip
import io
import lzma
import subprocess
import zipfile
from pathlib import Path

import pytest

from training.data.texts import NoText, decode

TEXT = "Größe;Straße\n1;2\n"


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as writer:
        for name in names:
            writer.writestr(name, "x")
    return file.getvalue()


def refusal(content: bytes, file: str = "FILE") -> str:
    with pytest.raises(NoText) as caught:
        decode(content, file=file)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_is_read_with_the_mark_of_windows_and_without(encoding: str) -> None:
    assert decode(TEXT.encode(encoding)) == TEXT
    assert decode(b"") == ""


@pytest.mark.parametrize(
    "encoding",
    ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"],
)
def test_the_command_for_another_encoding_converts_it(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "it is.csv"
    file.write_bytes(TEXT.encode(encoding))
    said = refusal(file.read_bytes(), file=f"'{file}'")
    command = said.partition("convert it: ")[2].partition(";")[0]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)  # noqa: S602  # as a user would
    assert decode(file.read_bytes()) == TEXT


def test_the_first_byte_that_is_not_utf_8_is_named() -> None:
    said = refusal(b"fine\nna\xefve")
    assert said.startswith("it is not in UTF-8: line 2, byte 3 is 0xEF. It is probably in Windows")
    assert "iconv -f WINDOWS-1252" in refusal(b"a \x93word\x94")
    assert "iconv -f LATIN1" in refusal(b"\x81 is nothing in Windows-1252")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(b"a,b"), "compressed by gzip, not text: unpack it: gunzip <"),
        (bz2.compress(b"a,b"), "compressed by bzip2, not text: unpack it: bunzip2 <"),
        (lzma.compress(b"a,b"), "compressed by xz, not text: unpack it: unxz <"),
        (archive("a.csv"), "a zip archive, not text: unpack it: unzip FILE"),
        (archive("xl/workbook.xml"), "an Excel workbook (.xlsx), not text: open it in the spread"),
        (archive("word/document.xml"), "a Word document (.docx), not text: open it there"),
        (archive("mimetype", "content.xml"), "an OpenDocument file, not text: open it"),
        (b"PK\x03\x04 cut off", "a zip archive, not text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file, not text"),
        (b"%PDF-1.7", "a PDF, not text: take the text out: pdftotext FILE"),
        (b"{\\rtf1\\ansi", "rich text (RTF), not text"),
        (b"PAR1....", "a Parquet file, not text: write it as CSV: python -c"),
        (b"a,b\n1\0,2 and so on and on\n", "a zero byte in line 2"),
    ],
)
def test_another_format_is_named_with_what_makes_text_of_it(content: bytes, what: str) -> None:
    assert what in refusal(content)
