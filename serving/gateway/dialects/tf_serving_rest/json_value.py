"""JSON values, and how TF Serving repeats them in the text of an error."""

import json
import re
from collections.abc import Iterable, Iterator
from math import isfinite, isnan
from typing import TypeAlias

from serving.gateway.dialects.tf_serving_rest.decimals import decimal, single

# Strings may hold bytes that are no UTF-8, as Python's surrogateescape has them.
Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

# A body may be quoted, and its indentation grows with the square of its nesting.
_MAX_QUOTED = 65_536
_MAX_FLOAT = 3.4028234663852886e38
_TYPES = ((str, "String"), (list, "Array"), (dict, "Object"))
_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Object(dict[str, Value]):
    """An object of which the first member counts where several have one name; all are quoted."""

    def __init__(self) -> None:
        super().__init__()
        self.members: list[tuple[str, Value]] = []

    def add(self, name: str, value: Value) -> None:
        """Add one more member."""
        self.members.append((name, value))
        self.setdefault(name, value)


def members(value: dict[str, Value]) -> Iterable[tuple[str, Value]]:
    """Return the members of an object, in the order in which they were sent."""
    return value.members if isinstance(value, Object) else value.items()


def type_name(value: Value) -> str:
    """Return how RapidJSON calls the type of a value."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return "Number"
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "Null")


def string(text: str) -> str:
    """Write a string as RapidJSON does: what is not ASCII stays as it is."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def quoted(value: Value) -> str:
    """Write a value as an error quotes it: objects indented, arrays on one line.

    What is very long is cut.
    """
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, float):
        return single(value) if abs(value) <= _MAX_FLOAT else decimal(value)
    parts, length = [], 0
    for part in _pieces(value):
        parts.append(part)
        length += len(part)
        if length > _MAX_QUOTED:
            return "".join(parts)[:_MAX_QUOTED] + "...TRUNCATED"
    return "".join(parts)


def _pieces(root: Value) -> Iterator[str]:
    """Write a value piece by piece, without recursion."""
    stack: list[Iterator[str | tuple[str, Value]]] = [iter([("", root)])]
    while stack:
        piece = next(stack[-1], None)
        if piece is None:
            stack.pop()
        elif isinstance(piece, str):
            yield piece
        else:
            before, value = piece
            yield before
            if isinstance(value, dict) and value:
                stack.append(_object(value, len(stack)))
            elif isinstance(value, list) and value:
                stack.append(_array(value))
            else:
                text = _scalar(value)
                yield text
                # RapidJSON's writer stops for good at what is no JSON.
                if not text:
                    return


def _object(value: dict[str, Value], depth: int) -> Iterator[str | tuple[str, Value]]:
    separator = "{\n"
    for name, member in members(value):
        yield f"{separator}{'    ' * depth}{string(name)}: ", member
        separator = ",\n"
    yield f"\n{'    ' * (depth - 1)}}}"


def _array(value: list[Value]) -> Iterator[str | tuple[str, Value]]:
    separator = "["
    for element in value:
        yield separator, element
        separator = ", "
    yield "]"


def _scalar(value: Value) -> str:
    if isinstance(value, str):
        return string(value)
    if isinstance(value, float):
        return _shortest(value)
    return json.dumps(value)


def _shortest(value: float) -> str:
    """Write a double as RapidJSON itself does; what is not finite it doesn't write at all.

    Source: dtoa.h, whose rules for the place of the point are ECMAScript's.
    """
    if not isfinite(value):
        return ""
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    power = int(exponent)
    digits = mantissa.lstrip("-").replace(".", "")
    sign = "-" if value < 0 else ""
    if 0 <= power < 21:  # where ECMAScript begins to write exponents
        return f"{sign}{digits.ljust(power + 1, '0')}.0"
    if -7 < power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    return f"{mantissa}e{power}"


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04X}"
