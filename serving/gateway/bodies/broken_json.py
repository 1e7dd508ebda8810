"""Why a body is no JSON: where it breaks off, what is usually the cause, and what to do."""

import codecs
import json
import re

from serving.errors import MalformedBody

_PLACE = re.compile(r"(.*) at line (\d+) column (\d+)", re.DOTALL)
_MAX_LINES = 10_000  # that are counted through to find a place
_DUMP = "Write it with a JSON library, such as Python's json.dumps or JavaScript's JSON.stringify."
_ONE = "Send one JSON document in each request; several instances go into the list of /batch."
_UTF_8 = (
    "Send it as UTF-8 without a byte order mark. In PowerShell: "
    "-Body ([Text.Encoding]::UTF8.GetBytes($json)), or Set-Content -Encoding utf8NoBOM for a file."
)

# What the parser says, by how it begins, and what that means in plain words.
_MEANINGS = {
    "EOF": ("it ends too early, as if it had been cut off", None),
    "trailing comma": ("a comma stands before a closing bracket", "Leave that comma out."),
    "trailing characters": ("there is more after its end", _ONE),
    "control character": (
        "a line break, a tab or another control character stands in a text as it is",
        r"Write \n for a line break and \t for a tab. " + _DUMP,
    ),
    "invalid unicode code point": ("it is not UTF-8", _UTF_8),
    "lone leading surrogate": ("a \\u escape is half of a character", _DUMP),
    "unexpected end of hex escape": ("a \\u escape is incomplete, or half of a character", _DUMP),
    "invalid escape": (
        "a backslash stands before a character that needs none",
        r"Write \\ for a backslash. " + _DUMP,
    ),
    "recursion limit": ("lists or objects are nested too deeply", "Send what the schema shows."),
    "number out of range": (
        "a number has more digits than are read",
        "Write it with an exponent, as 1e300, or as a text if it is no quantity.",
    ),
    "invalid number": (
        "a number is written in a way that JSON does not have",
        "Write numbers as 0.5, -3 or 1e5: no leading + or zeros, and a digit on both sides "
        "of the point.",
    ),
    "key must be a string": ("a field's name does not stand in double quotes", _DUMP),
    "expected `:`": ("a colon is missing after a field's name", _DUMP),
    "expected `,`": (
        "a comma or a closing bracket is missing",
        r"Write \" for a double quote within a text. " + _DUMP,
    ),
}
# What stands where a value or a name should, and what it usually is.
_FOUND = [
    ("'", "a single quote, as Python prints and JavaScript allows; JSON has double ones", _DUMP),
    (
        "\u201c\u201d\u201e\xab\xbb\u2018\u2019",
        "a typographic quote, as word processors write; JSON has straight ones",
        _DUMP,
    ),
    ("/#", "a comment; JSON has none", "Leave comments out."),
    ("<", "a < as in HTML or XML", _DUMP),
    ("@", "an @; curl -d @FILE sends a file, but not within other quotes", "Check the command."),
    ("%", "a % as in a form; the body is percent-encoded", _DUMP),
    ("+.", "a number that begins with + or a point", "Write 5 for +5, and 0.5 for .5."),
    ("0123456789", "a number that should not be there, as after a decimal comma", "Write 0.5."),
    ("`", "a backtick; JSON has double quotes", _DUMP),
]
_NOT_BEGUN = ("expected value", "expected ident", "key must be a string", "trailing characters")
_IN_NUMBER = re.compile(r"[xXoObB_.]\w")
_WORD = re.compile(r"(True|False|None|NaN|nan|NAN|Infinity|inf|undefined|Inf)\b")


def explain(body: bytes, reason: str) -> MalformedBody:
    """Build the error for a body of which the parser says why it is no JSON."""
    if not body.strip():
        hint = "Send one JSON document; GET /models/{model} has an example."
        return MalformedBody("the body is empty; JSON is accepted", hint=hint)
    if encoding := _foreign_encoding(body):
        message = f"the body {encoding}; accepted is UTF-8 without a byte order mark"
        return MalformedBody(message, hint=_UTF_8)
    if body.startswith(b"\x1f\x8b"):
        hint = "Name it in the header Content-Encoding: gzip, or send the body as it is."
        return MalformedBody("the body is compressed with gzip, and no header says so", hint=hint)
    place = _PLACE.fullmatch(reason)
    if place is None:
        return MalformedBody(f"the body is not valid JSON: {reason}")
    said, line, column = place[1], int(place[2]), int(place[3])
    what, remedy = _cause(said, _text_at(body, line, column))
    message = f"the body is not valid JSON: line {line}, column {column}: {what}"
    return MalformedBody(message, hint=remedy)


def _foreign_encoding(body: bytes) -> str | None:
    if body.startswith(codecs.BOM_UTF8):
        return "begins with a byte order mark (BOM)"
    # By the zero bytes of its first character, which is one of ASCII.
    encoding = json.detect_encoding(body[:4])
    begin = body[:8].decode(encoding, "replace").strip("\ufeff")
    if encoding == "utf-8" or not begin[:1].isascii() or not begin[:1].isprintable():
        return None
    return f"is encoded as {encoding[:6].upper()}"


def _text_at(body: bytes, line: int, column: int) -> str:
    """Return a few characters from a place on; none if it is too far away to be looked for."""
    if line > _MAX_LINES:
        return ""
    start = 0
    for _ in range(line - 1):
        start = body.find(b"\n", start) + 1
    place = max(start + column - 1, 0)
    # The parser may stand behind the first byte of what it does not understand.
    while place > start and body[place - 1 : place].isalpha():
        place -= 1
    return body[place : place + 16].decode(errors="replace").replace("\ufffd", "\0")


def _cause(said: str, found: str) -> tuple[str, str | None]:
    if said.startswith(_NOT_BEGUN) and (cause := _what_stands_there(found)):
        return cause
    if said.startswith("expected `,`") and _IN_NUMBER.match(found):
        said = "invalid number"
    meant = (meaning for begin, meaning in _MEANINGS.items() if said.startswith(begin))
    return next(meant, ("a text needs double quotes, and an object curly brackets", _DUMP))


def _what_stands_there(found: str) -> tuple[str, str] | None:
    """Name what stands where a value, a name or nothing more should, if it is a usual mistake."""
    if word := _WORD.match(found):
        return f"{word[1]} is no JSON", f"JSON has true, false and null, and no NaN. {_DUMP}"
    for characters, what, hint in _FOUND:
        if found[:1] and found[0] in characters:
            return f"found {what}", hint
    if found and not found[0].isprintable():
        hint = "Send a file with its own Content-Type, such as image/png, or as base64."
        return "found bytes that are no text", hint
    return None
