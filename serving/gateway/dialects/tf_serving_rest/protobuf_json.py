"""Messages as protobuf writes them in JSON, with white space and with every field."""

import json
from collections.abc import Mapping
from typing import Any


def write_message(content: Mapping[str, Any]) -> bytes:
    """Write a message, given as what stands in its fields; 64-bit integers are strings."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    # Only strings have these, and protobuf makes them safe for pages.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").encode() + b"\n"
