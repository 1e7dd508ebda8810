"""What TFGATE_STORE may name: where gateways keep what outlives a request; knows no database."""

import os
import re
from pathlib import Path

from serving.gateway.target import is_endpoint

ACCEPTED = (
    "sqlite, sqlite:///FOLDER/FILE, redis://[[USER]:PASSWORD@]HOST:PORT[/NUMBER], which Valkey "
    "speaks too, rediss:// for TLS, or none"
)
_REDIS = re.compile(r"((?P<login>[^\s/?#@]*)@)?(?P<place>[^\s/?#@]*)(/[0-9]{0,5})?")
_MEANT = {"valkey": "redis", "valkeys": "rediss", "redis+ssl": "rediss", "sqlite3": "sqlite"}
_MAX_TOLD = 200  # characters of a value


def check_store(store: str) -> str:
    """Return a store as it was given.

    Raises:
        ValueError: there can be none; the message says what is taken instead, and no password.
    """
    scheme, _, rest = store.partition("://")
    if store in {"sqlite", "none"}:
        return store
    if scheme == "sqlite":
        wrong = _wrong_file(rest)
    elif is_redis(store):
        wrong = _wrong_place(rest)
    else:
        wrong = f"is no store{_meant(store)}"
    if wrong:
        message = f"{_told(store)!r} {wrong}; give {ACCEPTED}"
        raise ValueError(message)
    return store


def is_redis(store: str) -> bool:
    """Tell whether a store is a Redis or Valkey, which any number of gateways may share."""
    return store.startswith(("redis://", "rediss://"))


def without_login(store: str) -> str:
    """Return a store as it may be shown, without user and password."""
    scheme, separator, rest = store.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _wrong_file(text: str) -> str:
    file = Path(text)
    if not file.is_absolute() or text.endswith("/"):
        return "names no file by its whole path"
    try:
        if file.is_dir():
            return "is a folder"
        if not file.parent.is_dir():
            return "lies in no folder that there is"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    needed = [file.parent, *([file] if file.exists() else [])]
    if not all(os.access(path, os.R_OK | os.W_OK) for path in needed):
        return "may not be written by this user, nor what lies beside it"
    return ""


def _wrong_place(text: str) -> str:
    found = _REDIS.fullmatch(text)
    if found is None:
        return "is no address: a password's / ? # @ are %2F %3F %23 %40, and nothing may follow"
    if not is_endpoint(found["place"]):
        return "has no host and port, which come last, or after the password's @"
    return ""


def _meant(store: str) -> str:
    scheme, _, _ = store.partition("://")
    if is_endpoint(store):
        return f". Did you mean redis://{store}?"
    meant = _MEANT.get(scheme.lower(), scheme.lower())
    is_ours = meant in {"redis", "rediss", "sqlite"} and "://" in store
    return f". Did you mean {meant}://?" if is_ours else ""


def _told(store: str) -> str:
    """Return what of a wrong value holds no password, wherever that may stand in it."""
    scheme, separator, _ = store.partition("://")
    if separator and not scheme.startswith("sqlite"):
        return f"{scheme[:_MAX_TOLD]}://…"
    return "…" if "@" in store else store[:_MAX_TOLD]
