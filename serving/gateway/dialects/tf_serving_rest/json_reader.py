"""JSON as RapidJSON reads it for TF Serving, with its errors; slow, for what orjson refuses.

Beyond JSON it takes NaN, Inf and Infinity, bytes that are no UTF-8, a byte order mark, and anything
after the first value. Nothing here recurses: nesting costs memory as any other byte does.
"""

import re
from dataclasses import dataclass, field
from math import inf, isinf, nan

from serving.errors import MalformedBody
from serving.gateway.dialects.tf_serving_rest.json_value import Object, Value

_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(rb"[ \n\r\t]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX = re.compile(rb"[0-9A-Fa-f]{4}")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(rb"[0-9]+")
_NOT_FINITE = re.compile(rb"NaN|Infinity|Inf(?!i)")
_BEGUN = re.compile(rb"Infinit|Infini|Infin|Infi|Inf|In|I|Na|N")
_EXPONENT = re.compile(rb"[eE]([+-]?)([0-9]*)")
_ESCAPES = dict(zip(b'"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))
_WORDS: dict[int, tuple[bytes, Value]] = {
    ord("n"): (b"null", None),
    ord("t"): (b"true", True),
    ord("f"): (b"false", False),
}
_INTEGERS = range(-(2**63), 2**64)
_MAX_EXPONENT = 308

# What each place waits for, if something else comes.
_NO_VALUE = "Invalid value."
_NO_NAME = "Missing a name for object member."
_NO_COLON = "Missing a colon after a name of object member."
_NO_COMMA_IN_OBJECT = "Missing a comma or } after an object member."
_NO_COMMA_IN_ARRAY = "Missing a comma or ] after an array element."


def read(body: bytes) -> Value:
    """Read the first value of a body.

    Raises:
        MalformedBody: there is none, in RapidJSON's words, with the offset that it gives.
    """
    return _Reader(body).document()


@dataclass
class _Reader:
    body: bytes
    at: int = 0
    open: list[list[Value] | Object] = field(default_factory=list)

    def document(self) -> Value:
        self.at = 3 if self.body.startswith(_BOM) else 0
        self._skip_space()
        # What can begin no value at all: RapidJSON says so of nothing else at the very start.
        if self._peek() in b",:]}\0":
            raise self._error("The document is empty.")
        names: list[str] = []  # one for each object that is open
        while True:
            value, opened = self._value()
            if opened and not self._is_closed():
                self._begin_member(names)
                continue
            while True:
                if not self.open:
                    return value
                container = self.open[-1]
                if isinstance(container, Object):
                    container.add(names.pop(), value)
                else:
                    container.append(value)
                if self._next_follows(container, names):
                    break
                value = self.open.pop()

    def _value(self) -> tuple[Value, bool]:
        """Read a scalar, or open a container."""
        first = self._peek()
        if first in b"[{":
            self.at += 1
            container: list[Value] | Object = [] if first == b"[" else Object()
            self.open.append(container)
            self._skip_space()
            return container, True
        if first == b'"':
            return self._string(), False
        if first and first[0] in _WORDS:
            return self._word(*_WORDS[first[0]]), False
        return self._number(), False

    def _is_closed(self) -> bool:
        """Tell whether a container that was just opened is empty; if so, close it."""
        if self._peek() != (b"}" if isinstance(self.open[-1], Object) else b"]"):
            return False
        self.at += 1
        self.open.pop()
        return True

    def _begin_member(self, names: list[str]) -> None:
        """Read what stands before the next value of the innermost container."""
        if not isinstance(self.open[-1], Object):
            self._check_value_begins()
            return
        if self._peek() != b'"':
            raise self._error(_NO_NAME)
        names.append(self._string())
        self._skip_space()
        if self._peek() != b":":
            raise self._error(_NO_COLON)
        self.at += 1
        self._skip_space()
        self._check_value_begins()

    def _check_value_begins(self) -> None:
        if self._peek() in b",:]}\0":
            raise self._error(_NO_VALUE)

    def _next_follows(self, container: list[Value] | Object, names: list[str]) -> bool:
        """Read what stands after a value: a comma, or the container's end."""
        is_object = isinstance(container, Object)
        self._skip_space()
        following = self._peek()
        if following == (b"}" if is_object else b"]"):
            self.at += 1
            return False
        if following != b",":
            raise self._error(_NO_COMMA_IN_OBJECT if is_object else _NO_COMMA_IN_ARRAY)
        self.at += 1
        self._skip_space()
        self._begin_member(names)
        return True

    def _word(self, word: bytes, value: Value) -> Value:
        for byte in word:
            if self._peek() != bytes([byte]):
                raise self._error(_NO_VALUE)
            self.at += 1
        return value

    def _number(self) -> int | float:
        start = self.at
        negative = self._peek() == b"-"
        match = _NUMBER.match(self.body, start)
        if match is None:
            self.at += negative
            return self._not_finite(negative)
        self.at = match.end()
        fraction = b""
        if self._peek() == b".":
            self.at += 1
            digits = _FRACTION.match(self.body, self.at)
            if digits is None:
                raise self._error("Miss fraction part in number.")
            self.at, fraction = digits.end(), digits[0]
        exponent = _EXPONENT.match(self.body, self.at)
        if exponent:
            self.at = exponent.end()
            if not exponent[2]:
                raise self._error("Miss exponent in number.")
        # Python reads no int of more than 4,300 digits.
        if not fraction and not exponent and len(match[0]) <= 20:  # as 2**64 has
            integer = int(match[0])
            if integer in _INTEGERS:
                return integer
        value = float(self.body[start : self.at])
        if isinf(value) or (exponent and _is_huge(exponent, fraction)):
            self.at = start
            raise self._error("Number too big to be stored in double.")
        return value

    def _not_finite(self, negative: bool) -> float:
        match = _NOT_FINITE.match(self.body, self.at)
        if match:
            self.at = match.end()
            value = nan if match[0] == b"NaN" else inf
            return -value if negative else value
        # The error stands after the part that fits.
        begun = _BEGUN.match(self.body, self.at)
        self.at = begun.end() if begun else self.at
        raise self._error(_NO_VALUE)

    def _string(self) -> str:
        self.at += 1
        parts: list[str] = []
        while True:
            plain = _PLAIN.match(self.body, self.at)
            if plain and plain[0]:
                parts.append(plain[0].decode("utf-8", "surrogateescape"))
                self.at = plain.end()
            following = self._peek()
            if following == b'"':
                self.at += 1
                return "".join(parts)
            if following == b"\0":
                raise self._error("Missing a closing quotation mark in string.")
            if following != b"\\":
                raise self._error("Invalid encoding in string.")
            parts.append(self._escape())

    def _escape(self) -> str:
        start = self.at
        self.at += 1
        letter = self._peek()[0]
        self.at += 1
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter != ord("u"):
            raise self._error("Invalid escape character in string.", start)
        number = self._hex(start)
        if number not in range(0xD800, 0xE000):
            return chr(number)
        if number < 0xDC00 and self.body.startswith(b"\\u", self.at):  # UTF-16
            self.at += 2
            low = self._hex(start)
            if low in range(0xDC00, 0xE000):
                return chr(0x10000 + ((number - 0xD800) << 10) + low - 0xDC00)
        raise self._error("The surrogate pair in string is invalid.", start)

    def _hex(self, start: int) -> int:
        match = _HEX.match(self.body, self.at)
        if match is None:
            raise self._error("Incorrect hex digit after \\u escape in string.", start)
        self.at = match.end()
        return int(match[0], 16)

    def _skip_space(self) -> None:
        match = _SPACE.match(self.body, self.at)
        self.at = match.end() if match else self.at

    def _peek(self) -> bytes:
        """Return the next byte; a zero byte ends the body, as its end does."""
        return self.body[self.at : self.at + 1] or b"\0"

    def _error(self, reason: str, at: int | None = None) -> MalformedBody:
        offset = self.at if at is None else at
        return MalformedBody(f"JSON Parse error: {reason} at offset: {offset}", hint="")


def _is_huge(exponent: re.Match[bytes], fraction: bytes) -> bool:
    """Tell whether RapidJSON gives up on an exponent, even that of zero."""
    digits = exponent[2].lstrip(b"0") or b"0"
    return exponent[1] != b"-" and (
        len(digits) > 9 or int(digits) > _MAX_EXPONENT + len(fraction)  # any int
    )
