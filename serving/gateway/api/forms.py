"""The one file in a multipart form; what is around its parts is ignored (RFC 2046, 5.1)."""

import re
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serving.errors import MalformedBody

_ONE_FILE = "Send exactly one file, as curl -F image=@ship.png does."
_LET_THE_CLIENT = (
    "Let the client write the header: it chooses the boundary. In requests, pass files= and no "
    "Content-Type; in fetch, a FormData body and no Content-Type."
)
_AS_THEY_ARE = ("", "7bit", "8bit", "binary")
_MAX_SHOWN = 40
_MAX_NAMED = 5


@dataclass
class _Part:
    headers: dict[str, str] = field(default_factory=dict)
    content: bytearray = field(default_factory=bytearray)


class _Reader:
    """Takes a form apart; the body is there as a whole, so that nothing need wait or be spooled."""

    def __init__(self, boundary: bytes) -> None:
        self.parts: list[_Part] = []
        self.complete = False
        self._name = self._value = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_part_data": self._take_content,
                "on_header_field": self._take_name,
                "on_header_value": self._take_value,
                "on_header_end": self._end_header,
                "on_end": self._end,
            },
        )

    def read(self, body: bytes) -> None:
        self._parser.write(body)

    def _begin_part(self) -> None:
        self.parts.append(_Part())

    def _take_content(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].content += data[start:end]

    def _take_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        name, value = self._name.decode("latin-1").lower(), self._value.decode("latin-1")
        self.parts[-1].headers[name] = value
        self._name = self._value = b""

    def _end(self) -> None:
        self.complete = True


def file_in_form(content_type: bytes, body: bytes) -> bytes:
    """Return the content of the only part, which must be a file.

    Raises:
        MalformedBody: the form cannot be read, or holds anything else.
    """
    _, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        message = "the Content-Type is multipart/form-data, but names no boundary"
        raise MalformedBody(message, hint=_LET_THE_CLIENT)
    parts = _parts(boundary, body)
    try:
        charset = parameters.get(b"charset", b"utf-8").decode("latin-1")
        files, texts = _named(parts, charset)
    except ValueError as error:
        # Of the codecs that Python knows by name, some are no use for any text.
        message = "the multipart form cannot be read in the charset that it names"
        raise MalformedBody(message, hint="Leave the charset out.") from error
    if texts:
        message = (
            f"the form has {_listed('text field', texts)}; accepted is one file and nothing else. "
            "A part is a file if it has a filename"
        )
        raise MalformedBody(message, hint=_ONE_FILE)
    if len(files) != 1:
        held = _listed("file", files) if files else "no file"
        raise MalformedBody(f"the form has {held}; accepted is exactly one file", hint=_ONE_FILE)
    [part] = parts
    encoding = part.headers.get("content-transfer-encoding", "").strip().lower()
    if encoding not in _AS_THEY_ARE:
        message = f"the file has the Content-Transfer-Encoding {encoding[:_MAX_SHOWN]!r}"
        hint = "Send the file's bytes as they are, without that header."
        raise MalformedBody(f"{message}; files in forms are accepted as they are", hint=hint)
    return bytes(part.content)


def _parts(boundary: bytes, body: bytes) -> list[_Part]:
    if not body:
        raise MalformedBody("the body is empty; accepted is a form with one file", hint=_ONE_FILE)
    # A line of the preamble may begin like the boundary.
    line = re.compile(rb"(?:\A|\r\n)(--%s(?:--)?[ \t]*(?:\r\n|\Z))" % re.escape(boundary))
    first = line.search(body)
    if first is None:
        message = "no line of the form, ended by CR LF, is the boundary that its Content-Type names"
        raise MalformedBody(message, hint=_LET_THE_CLIENT)
    try:
        reader = _Reader(boundary)
        reader.read(body[first.start(1) :])
    except FormParserError as error:
        raise MalformedBody(f"the form cannot be read: {error}", hint=_ONE_FILE) from error
    if not reader.complete:
        message = "the form ends before its closing boundary, as if it had been cut off"
        raise MalformedBody(message, hint="Send it whole, with the right Content-Length.")
    return reader.parts


def _named(parts: list[_Part], charset: str) -> tuple[list[str], list[str]]:
    """Return the names of the files, and those of the text fields."""
    files: list[str] = []
    texts: list[str] = []
    for part in parts:
        disposition = part.headers.get("content-disposition", "")
        _, options = parse_options_header(disposition)
        name = options.get(b"name", b"")
        try:
            shown = name.decode(charset, "replace")
        except LookupError:
            shown = name.decode("latin-1")
        # Older clients write a name that is not ASCII as filename*= (RFC 5987), against RFC 7578.
        is_file = b"filename" in options or "filename*=" in disposition.lower()
        (files if is_file else texts).append(shown)
    return files, texts


def _listed(what: str, names: list[str]) -> str:
    shown = ", ".join(repr(name[:_MAX_SHOWN]) for name in names[:_MAX_NAMED])
    more = ", …" if len(names) > _MAX_NAMED else ""
    return f"the {what} {shown}" if len(names) == 1 else f"{len(names)} {what}s: {shown}{more}"
