"""Reading a message in text format from a file, with TF Serving's words for one that is refused."""

from pathlib import Path
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

from serving.embedded.statuses import invalid_argument, not_found

M = TypeVar("M", bound=Message)


def read_text_proto(path: str, message: M) -> M:
    """Fill `message` from a file.

    Raises:
        StatusError: NOT_FOUND without the file, INVALID_ARGUMENT when it is empty or cannot be
            parsed; the text names the place, and quotes nothing, which may be a private key.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise not_found(f"{path}; {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise invalid_argument(f"Invalid protobuf file: '{path}'") from error
    if not text:
        # What comes of mapping a file without a byte into memory. A comment is a configuration.
        raise invalid_argument(f"{path}; Invalid argument")
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise invalid_argument(
            f"Invalid protobuf file: '{path}', line {error.GetLine()}, column {error.GetColumn()}"
        ) from None
