"""Parameters that are not accepted, and why."""

from collections.abc import Iterable

# What other servers do by parameters that begin like this.
_NOT_DONE = {
    "shared_memory": "no memory is shared; send the tensor itself, or ask for it",
    "classification": "labels are not looked up; ask for the tensor itself",
    "sequence": "nothing is kept from one request to the next",
}


def no_parameter(name: str, taken: Iterable[str]) -> str:
    """Say that a parameter is none of those that are taken."""
    shown = repr(name[:100])
    for begin, why in _NOT_DONE.items():
        if name.startswith(begin):
            return f"its parameter {shown} is not accepted: {why}"
    return f"there is no parameter {shown}; there are {', '.join(taken)}"
