"""Reads bytes as UTF-8; what is something else is recognised, with the command that converts it."""

import io
import zipfile

# By what such files begin with: what they are, and what makes a text of them.
SIGNATURES = {
    b"\x1f\x8b": ("compressed by gzip", "unpack it: gunzip < FILE > NEW && mv NEW FILE"),
    b"BZh": ("compressed by bzip2", "unpack it: bunzip2 < FILE > NEW && mv NEW FILE"),
    b"\xfd7zXZ": ("compressed by xz", "unpack it: unxz < FILE > NEW && mv NEW FILE"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it: 7z x FILE"),
    b"\xd0\xcf\x11\xe0": ("an old Excel or Word file", "open it there, and save it as text"),
    b"%PDF-": ("a PDF", "take the text out: pdftotext FILE NEW"),
    b"{\\rtf": ("rich text (RTF)", "open it, and save it as plain text in UTF-8"),
    b"PAR1": ("a Parquet file", "write it as CSV: python -c \"import pandas; "
    "pandas.read_parquet('FILE').to_csv('NEW', index=False)\""),
}  # fmt: skip
SPREADSHEET = 'open it in the spreadsheet, and save it as "CSV UTF-8" (comma delimited)'
# By what a zip archive holds: an office document is one, too.
OFFICE = {
    "xl/": ("an Excel workbook (.xlsx)", SPREADSHEET),
    "word/": ("a Word document (.docx)", "open it there, and save it as plain text in UTF-8"),
    "content.xml": ("an OpenDocument file", "open it, and save it as CSV or text in UTF-8"),
    "": ("a zip archive", "unpack it: unzip FILE"),
}
# The longer first: what marks UTF-16 begins what marks UTF-32.
MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


class NoText(ValueError):
    """The bytes are not UTF-8; the message says what they are, and how to convert them."""


def decode(content: bytes, *, file: str = "FILE") -> str:
    """Give the text, without the mark that Windows puts before it; `file` is named in commands.

    Raises:
        NoText: it is not UTF-8, or binary.
    """
    if found := _kind(content):
        what, remedy = found
        raise NoText(f"it is {what}, not text: {_named(remedy, file)}")
    if encoding := _wide(content):
        raise NoText(f"it is in {encoding}, not in UTF-8: {_convert(encoding, file)}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NoText(_foreign(content, error.start, file)) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise NoText(f"it has a zero byte in line {line}, which no text has: it may be damaged")
    return text


def _kind(content: bytes) -> tuple[str, str] | None:
    if content.startswith(b"PK\x03\x04"):
        return _archive(content)
    return next((kind for start, kind in SIGNATURES.items() if content.startswith(start)), None)


def _archive(content: bytes) -> tuple[str, str]:
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except zipfile.BadZipFile:
        names = []
    return next(
        kind
        for start, kind in OFFICE.items()
        if not start or any(name.startswith(start) for name in names)
    )


def _wide(content: bytes) -> str | None:
    """Name an encoding with several bytes for each character: by its mark, or else by its zeros."""
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return encoding
    zeros = [content[start::2].count(0) for start in (0, 1)]
    if sum(zeros) * 4 <= len(content):  # of Latin letters, every other byte is zero
        return None
    return "UTF-16BE" if zeros[0] > zeros[1] else "UTF-16LE"


def _foreign(content: bytes, start: int, file: str) -> str:
    line = content.count(b"\n", 0, start) + 1
    column = start - (content.rfind(b"\n", 0, start) + 1) + 1
    try:
        content.decode("cp1252")
        encoding, name = "WINDOWS-1252", "Windows-1252 (Latin-1)"
    except UnicodeDecodeError:
        encoding, name = "LATIN1", "Latin-1"
    return (
        f"it is not in UTF-8: line {line}, byte {column} is 0x{content[start]:02X}. It is probably "
        f"in {name}: {_convert(encoding, file)}; if letters come out wrong, it was another encoding"
    )


def _convert(encoding: str, file: str) -> str:
    return _named(
        f"convert it: iconv -f {encoding} -t UTF-8 FILE > NEW && mv NEW FILE; or save it as UTF-8 "
        'where it was written (a spreadsheet calls that "CSV UTF-8")',
        file,
    )


def _named(remedy: str, file: str) -> str:
    return remedy.replace("FILE", file).replace("NEW", "new")
