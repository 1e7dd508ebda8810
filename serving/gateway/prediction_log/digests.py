"""Digests of inputs: equal values stay equal, and nobody without the key can try values out.

HMAC with SHA-256 (RFC 2104, FIPS 180-4). A plain SHA-256 of an age or of a short text would be
guessed in no time, by hashing all ages and all short texts.
"""

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LEAST_KEY_BYTES = 16

Digest = Callable[[Any], str]


def read_key(file: Path) -> bytes:
    """Read a key; blanks and ends of lines around it are not of it.

    Raises:
        ValueError: it can be guessed.
        OSError: the file cannot be read.
    """
    key = file.read_bytes().strip()
    if len(key) < LEAST_KEY_BYTES:
        message = (
            f"{file} holds a key of {len(key)} bytes, and {LEAST_KEY_BYTES} are the least; "
            "openssl rand -hex 32 makes one"
        )
        raise ValueError(message)
    return key


def digest_with(key: bytes) -> Digest:
    """Return what makes the digest, in hexadecimal, of a row's value: bytes, or an array."""

    def digest(value: Any) -> str:
        return hmac.new(key, _bytes_of(value), hashlib.sha256).hexdigest()

    return digest


def _bytes_of(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    array = np.asarray(value)
    if array.dtype != object:
        return array.tobytes()
    # With their lengths: else ["a", "bc"] were ["ab", "c"].
    return b"".join([b"%d " % len(each) + each for each in array.flat])
