"""Picture files in requests: base64 in JSON, bytes in Python; knows no model."""

import base64
import re
from typing import Annotated
from urllib.parse import unquote

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from serving.pictures.decode import MAX_JPEG_BYTES

_URL_SAFE = str.maketrans("-_", "+/")


def _from_base64(value: object) -> bytes:
    """Accept base64 text, also in lines, for URLs or in a data URL; bytes pass as they are."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("base64", "Input should be a string of base64")
    encoded = value.strip()
    if encoded[:5].lower() == "data:":
        header, _, encoded = encoded.partition(",")
        encoded = unquote(encoded)
        if not re.search(r"; *base64\s*$", header, re.IGNORECASE):
            raise PydanticCustomError("base64", "Input should be a data URL with ;base64 in it")
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        letters = "".join(encoded.split()).translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except ValueError as error:
        is_url = value.startswith(("http://", "https://"))
        wanted = "the file's base64, not its address" if is_url else "a string of valid base64"
        raise PydanticCustomError("base64", f"Input should be {wanted}") from error


def to_base64(file: bytes) -> str:
    return base64.b64encode(file).decode()


FileBytes = Annotated[
    bytes,
    PlainValidator(_from_base64),
    PlainSerializer(to_base64, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "contentEncoding": "base64",
            "minLength": 1,
            "maxLength": 4 * -(-MAX_JPEG_BYTES // 3),
        }
    ),
]
