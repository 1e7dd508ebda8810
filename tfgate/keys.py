"""The file of API keys as people manage it: `tfgate keys create`, `list` and `revoke`.

A running gateway follows the file by itself. Which models it serves is known to it alone: it may be
any, so a key may name any.
"""

import secrets
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer
from pydantic import ValidationError
from rich.table import Column, Table

from serving.gateway.middleware.keys import Key, WrongKeys, digest_of, read_keys
from serving.models import MODELS
from tfgate.expiry import parse_expiry, tell_expiry

_NUM_RANDOM_BYTES = 32
_PREFIX = "tfgate_"  # so that people and scanners recognise a key that has leaked


class CannotChange(Exception):
    """What was asked of the keys cannot be done."""


def create(
    file: Path,
    name: str,
    *,
    rates: Sequence[str] = (),
    models: Sequence[str] = (),
    expires: str | None = None,
) -> str:
    """Add a key, and return it: it is nowhere else from then on.

    Raises:
        CannotChange: the name is taken, or a value is not what it should be.
        WrongKeys: the file cannot be read.
    """
    keys = _read_or_begin(file)
    if any(key.name == name for key in keys):
        message = f"{file} has a key named {name} already. Revoke it, or choose another name."
        raise CannotChange(message)
    secret = _PREFIX + secrets.token_urlsafe(_NUM_RANDOM_BYTES)
    fields: dict[str, object] = {"name": name, "sha256": digest_of(secret), "rates": rates}
    fields["models"] = _names(models) or None
    if expires is not None:
        try:
            fields["expires"] = parse_expiry(expires, datetime.now(UTC))
        except ValueError as error:
            message = f"expires: {error}."
            raise CannotChange(message) from error
    try:
        key = Key.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}."
        raise CannotChange(message) from error
    _write(file, [*keys, key])
    return secret


def revoke(file: Path, name: str) -> None:
    """Take a key away.

    Raises:
        CannotChange: there is none of that name.
        WrongKeys: the file cannot be read.
    """
    keys = read_keys(file, None)
    kept = [key for key in keys if key.name != name]
    if len(kept) == len(keys):
        names = ", ".join(key.name for key in keys) or "none"
        message = f"{file} has no key named {name}; it has {names}."
        raise CannotChange(message)
    _write(file, kept)


def table(file: Path) -> Table:
    """Show who has a key, and what for.

    Raises:
        WrongKeys: the file cannot be read.
    """
    table = Table("name", "models", "rates", Column("expires", no_wrap=True), "sha256")
    for key in read_keys(file, None):
        models = "all" if key.models is None else ", ".join(key.models)
        rates = ", ".join(key.rates) or "unlimited"
        expires = tell_expiry(key.expires, datetime.now(UTC))
        table.add_row(key.name, models, rates, expires, key.sha256[:12] + "…")
    return table


def _names(given: Sequence[str]) -> list[str]:
    names = [name.strip() for listed in given for name in listed.split(",")]
    if "" in names:
        message = "models: a name is empty; give them as housing,churn."
        raise CannotChange(message)
    for name in names:
        if name not in MODELS:
            # Nobody here knows whether a gateway serves it, or whether it is misspelt.
            typer.echo(f"tfgate: {name} is no typed model: a generic one may be asked", err=True)
    return names


def _read_or_begin(file: Path) -> list[Key]:
    try:
        return read_keys(file, None)
    except WrongKeys as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return []
        raise


def _write(file: Path, keys: Sequence[Key]) -> None:
    """Replace the file at once, for a gateway may read it at any moment; a link to it stays."""
    file = file.resolve()
    lines = [key.model_dump_json(exclude_defaults=True) + "\n" for key in keys]
    try:
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as beside:
            beside.writelines(lines)
        # Digests are no secrets, and a gateway may run as another user.
        written = Path(beside.name)
        written.chmod(0o644)
        written.replace(file)
    except OSError as error:
        message = f"cannot write {file}: {error.strerror}."
        raise WrongKeys(message) from error
