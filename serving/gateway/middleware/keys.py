"""API keys: the file of their digests, what each may do, and which one was presented.

The file holds one JSON object a line. A key itself is random and long enough that its plain SHA-256
digest tells nothing of it; only whoever was given the key has it. Knows nothing of HTTP.
"""

import hashlib
import hmac
import re
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)

if TYPE_CHECKING:
    from limits import RateLimitItem

# What is counted, if it is said; all else of a rate is the business of `limits`.
_COUNTED = re.compile(r"(?<=[0-9])\s*(?P<what>requests?|rows?)\b")


class WrongKeys(Exception):
    """A file of keys cannot be used; the message names the file, and the line if it is one."""


class Rate(NamedTuple):
    """So many requests in so much time, or so many rows: the instances of their predictions."""

    limit: "RateLimitItem"
    of_rows: bool


def parse_rate(value: str) -> Rate:
    """Read a rate.

    Raises:
        ValueError: it is none.
    """
    # Not at the top: the package takes 2 MB, and most gateways have no rates.
    from limits import parse  # noqa: PLC0415

    if re.search("[,;|]", value):
        message = "give each rate by itself"
        raise ValueError(message)
    counted = _COUNTED.search(value)
    try:
        rate = parse(_COUNTED.sub("", value, count=1))
    except ValueError as error:
        message = f"{value!r} is no rate; one is 50/second, another 10000/day or 1000rows/minute"
        raise ValueError(message) from error
    if rate.amount < 1:
        message = f"{value!r} would let nothing through"
        raise ValueError(message)
    return Rate(rate, counted is not None and counted["what"].startswith("row"))


def _rate(value: str) -> str:
    parse_rate(value)
    return value


def _model(value: str, info: ValidationInfo) -> str:
    models = info.context
    if models is not None and value not in models:
        message = f"there is no model {value!r}; there are {', '.join(sorted(models))}"
        raise ValueError(message)
    return value


class Key(BaseModel):
    """What the gateway knows of a key."""

    # Rust's kind of pattern takes 6.5 MB of memory for the letters of all languages 64 times.
    model_config = ConfigDict(frozen=True, extra="forbid", regex_engine="python-re")

    name: str = Field(pattern=r"^[\w.-]{1,64}\Z", description="who asks with it; shown in metrics")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}\Z", description="of the key, in hexadecimal")
    rates: tuple[Annotated[str, AfterValidator(_rate)], ...] = Field(
        default=(),
        description="most requests, such as 50/second or 10000/day, or rows, such as "
        "1000rows/minute; all of them hold",
    )
    models: tuple[Annotated[str, AfterValidator(_model)], ...] | None = Field(
        default=None, description="the only models it may ask; all if left out"
    )
    expires: AwareDatetime | None = Field(
        default=None, description="when it ceases to be good; never if left out"
    )

    def may_ask(self, model: str) -> bool:
        """Tell whether predictions of a model are among what the key is for."""
        return self.models is None or model in self.models

    def has_expired(self, now: datetime) -> bool:
        """Tell whether the key is good no more."""
        return self.expires is not None and self.expires <= now


def digest_of(key: str) -> str:
    """Return what the file holds in place of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_keys(file: Path, models: Collection[str] | None) -> list[Key]:
    """Read a file of keys, which may name any of `models`; any at all if these are not known.

    Raises:
        WrongKeys: it cannot be read, or a line is no key, or repeats another's name or digest.
    """
    try:
        # Some editors begin a file with a byte order mark.
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it is no text: {error}"
        message = f"cannot read the keys in {file}: {why}"
        raise WrongKeys(message) from error
    keys: list[Key] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                keys.append(_parse(line, keys, models))
            except ValueError as error:
                message = f"{file}:{number}: {error}"
                raise WrongKeys(message) from error
    return keys


def _parse(line: str, before: list[Key], models: Collection[str] | None) -> Key:
    try:
        key = Key.model_validate_json(line, context=models)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        # The parser was given one line; which, is said before.
        what = first["msg"].removeprefix("Value error, ").replace("at line 1 column", "at column")
        message = f"{where}: {what}" if where else what
        raise ValueError(message) from error
    if any(key.name == other.name for other in before):
        message = f"there is a key named {key.name} already"
        raise ValueError(message)
    if any(key.sha256 == other.sha256 for other in before):
        message = "there is a key with this sha256 already"
        raise ValueError(message)
    return key


class KeyRing:
    """The keys of a file as it was when `refresh` last found it changed."""

    def __init__(self, file: Path, models: Collection[str] | None) -> None:
        """Read the file.

        Raises:
            WrongKeys: it cannot be used.
        """
        self._file = file
        self._models = models
        self._seen = self._stamp()
        self._keys = self._read()

    def find(self, presented: bytes) -> Key | None:
        """Return the key that was presented, in a time that does not tell how near it came."""
        digest = hashlib.sha256(presented).digest()
        found = None
        for known, key in self._keys:
            if hmac.compare_digest(digest, known):
                found = key
        return found

    def refresh(self) -> bool:
        """Read the file again if it has changed, and tell whether it had.

        Raises:
            WrongKeys: it cannot be used any more; the keys from before go on to count.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        self._keys = self._read()
        return True

    def names(self) -> list[str]:
        """List who has a key."""
        return [key.name for _, key in self._keys]

    def _read(self) -> list[tuple[bytes, Key]]:
        return [(bytes.fromhex(key.sha256), key) for key in read_keys(self._file, self._models)]

    def _stamp(self) -> tuple[int, int, int] | None:
        """Return what changes with the file; a mounted Secret changes by another link."""
        try:
            status = self._file.stat()
        except OSError:
            return None  # reading it, which follows, says why
        return status.st_mtime_ns, status.st_size, status.st_ino
