"""The version that a request names, which the protocol has as text."""

import re

_DIGITS = re.compile(r"[0-9]{1,19}")
_LARGEST = 2**63 - 1  # Times in nanoseconds, which some folders are named after, have 19 digits.


def version_number(text: str) -> int | None:
    """Return the number of a version; None if no version could have it, or it is no number."""
    if not _DIGITS.fullmatch(text) or int(text) > _LARGEST:
        return None
    return int(text)
