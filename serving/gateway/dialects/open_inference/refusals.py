"""Errors about a request, or about one tensor of it, which name that."""

from serving.errors import FieldError, InvalidInput

_MAX_NAME = 100  # characters of a tensor's name, which may be anything


def wrong_request(message: str) -> InvalidInput:
    """Build the error for a parameter of the request itself."""
    fields = [FieldError("parameters", message)]
    return InvalidInput(f"the request: {message}", fields=fields)


def wrong_input(name: str, message: str, *, hint: str | None = None) -> InvalidInput:
    """Build the error for a tensor that was sent."""
    shown = name[:_MAX_NAME]
    field = FieldError(f"inputs.{shown}", message)
    return InvalidInput(f"input {shown!r}: {message}", hint=hint, fields=[field])


def wrong_output(name: str, message: str, *, hint: str | None = None) -> InvalidInput:
    """Build the error for a tensor that was asked for."""
    shown = name[:_MAX_NAME]
    field = FieldError(f"outputs.{shown}", message)
    return InvalidInput(f"output {shown!r}: {message}", hint=hint, fields=[field])


def told(number: int) -> str:
    """Write a count that may have a thousand digits."""
    return f"{number:,}" if number < 2**63 else "more than 2^63"
