"""The error every part of the server raises, in TF Serving's codes and words; knows no service.

`StatusError` is what a client sees: a gRPC code and a text. TensorFlow's own errors become one at
the border where TensorFlow is called.
"""

from dataclasses import dataclass

import grpc

# TF Serving cuts error texts that leave the server (grpc_status_util.cc).
LONGEST_TEXT_IN_BYTES = 1024


@dataclass
class StatusError(Exception):
    code: grpc.StatusCode
    message: str

    def __str__(self) -> str:
        """Spell the error the way TF Serving logs and nests it: `NOT_FOUND: the text`."""
        return f"{self.code.name}: {self.message}"


def code_number(code: grpc.StatusCode) -> int:
    """Return the number that both gRPC and TensorFlow give to a code."""
    number: int = code.value[0]
    return number


_CODE_OF_NUMBER = {code_number(code): code for code in grpc.StatusCode}


def code_of_number(number: int) -> grpc.StatusCode:
    """Return the code of a number, UNKNOWN for one outside the canonical codes."""
    return _CODE_OF_NUMBER.get(number, grpc.StatusCode.UNKNOWN)


def cut_to_limit(text: str) -> str:
    """Cut an error text as TF Serving does before it leaves the server."""
    encoded = text.encode()
    if len(encoded) <= LONGEST_TEXT_IN_BYTES:
        return text
    return encoded[:LONGEST_TEXT_IN_BYTES].decode(errors="ignore") + "...TRUNCATED"


def invalid_argument(message: str) -> StatusError:
    """The request or configuration is wrong whatever the server holds."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


def failed_precondition(message: str) -> StatusError:
    """The request does not fit what the server holds."""
    return StatusError(grpc.StatusCode.FAILED_PRECONDITION, message)


def not_found(message: str) -> StatusError:
    """What was asked for is not here."""
    return StatusError(grpc.StatusCode.NOT_FOUND, message)


def unavailable(message: str) -> StatusError:
    """It may work later."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, message)


def unknown(message: str) -> StatusError:
    """A load or a wait failed; the text says why."""
    return StatusError(grpc.StatusCode.UNKNOWN, message)
