"""What pydantic finds wrong, in our words: what was received, what is accepted, what is meant."""

import json
import math
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from serving.errors import FieldError, InvalidInput

MAX_FIELDS = 100  # told in one problem: a million would hold everybody up
_MAX_NAME = 100  # characters of a field's name, which may be anything
_MAX_SHOWN = 40  # characters of a text that is shown as it is; a longer one may be a payload
_NUMBERS = ("float_type", "int_type", "float_parsing", "int_parsing")

# The fields that there are, by the number of parts of their paths: 3 for instances.0.latitude.
Fields = Mapping[int, Collection[str]]


def from_pydantic(
    error: ValidationError, fields: Fields, *, where: str = "", hint: str | None = None
) -> InvalidInput:
    """Translate a failed validation of a body, or of what `where` names.

    A body of nothing but wrong fields is not taken apart.
    """
    if error.error_count() > MAX_FIELDS:
        message = f"{error.error_count()} fields are wrong; send those of the schema alone"
        return InvalidInput(message, hint=hint)
    return from_validation(error.errors(include_url=False), fields, where=where, hint=hint)


def from_validation(
    details: list[ErrorDetails], fields: Fields, *, where: str = "", hint: str | None = None
) -> InvalidInput:
    """Translate pydantic's findings."""
    found = [_field(detail, fields.get(len(detail["loc"]), ()), where) for detail in details]
    if len(found) > 1:
        names = ", ".join(field.field for field in found)
        return InvalidInput(f"{len(found)} fields are wrong: {names}", hint=hint, fields=found)
    [only] = found
    message = f"{only.field or 'body'}: {only.message}"
    # A question is the end of what is said.
    if only.received is not None and not only.message.endswith("?"):
        message += f"; received {only.received}"
    return InvalidInput(message, hint=hint, fields=found)


def _field(detail: ErrorDetails, names: Collection[str], where: str) -> FieldError:
    path = [*([where] if where else []), *detail["loc"]]
    return FieldError(
        # A name may be empty, and is to be seen then.
        field=".".join(str(part)[:_MAX_NAME] or '""' for part in path),
        message=_message(detail, names),
        received=None if detail["type"] == "missing" else describe(detail["input"]),
    )


def _message(detail: ErrorDetails, names: Collection[str]) -> str:
    kind, received = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return _no_field(str(detail["loc"][-1])[:_MAX_NAME], names)
    if kind in _NUMBERS and isinstance(received, str) and _is_number(received):
        return f"{detail['msg']}, without quotes"
    return detail["msg"].removeprefix("Value error, ")


def _no_field(name: str, names: Collection[str]) -> str:
    """Say which field may be meant, however it is spelt."""
    spellings = {each.casefold(): each for each in names}
    if nearest := get_close_matches(name.casefold(), spellings, n=1):
        return f"is no field; did you mean {spellings[nearest[0]]}?"
    return f"is no field; there are: {', '.join(names)}" if names else "is no field"


def _is_number(text: str) -> bool:
    try:
        return len(text) <= _MAX_SHOWN and math.isfinite(float(text))
    except ValueError:
        return False


def describe(value: Any) -> str | float:
    """Say what was received without repeating a payload."""
    match value:
        case None | bool():
            return json.dumps(value)
        case int() | float():
            return _told(value)
        case str() if len(value) <= _MAX_SHOWN:
            return f"the text {value!r}"
        case str():
            return f"a text of {len(value):,} characters"
        case list() | dict():
            kind = "a list" if isinstance(value, list) else "an object"
            return f"{kind} of {len(value):,} item{'' if len(value) == 1 else 's'}"
        case _:
            return f"a {type(value).__name__}"


def _told(number: float) -> str | float:
    if isinstance(number, float) and math.isnan(number):
        return "NaN, which is no number"
    if abs(number) >= 1e300:
        return "an infinite number, or one that is too large"
    # An integer of more bits is more than the writer takes.
    return number if -(2**63) <= number < 2**64 else float(number)
