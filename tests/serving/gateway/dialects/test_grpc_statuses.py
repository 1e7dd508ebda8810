"""Which gRPC status each error has, and what the answer that reports it says."""

import pytest

from serving import errors
from serving.errors import TfgateError, all_errors
from serving.gateway.dialects.grpc_statuses import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    grpc_response,
    grpc_status_of,
    text_of,
)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.code)
def test_every_error_has_a_status_other_than_ok_and_unknown(error: type[TfgateError]) -> None:
    assert 2 < grpc_status_of(error) <= 16 or grpc_status_of(error) == 1


def test_the_nearest_class_decides() -> None:
    assert grpc_status_of(errors.InvalidImage) == INVALID_ARGUMENT
    assert grpc_status_of(errors.RejectedByModel) == INVALID_ARGUMENT
    assert grpc_status_of(errors.UnknownModel) == NOT_FOUND


def test_only_what_may_be_repeated_says_when() -> None:
    limited = errors.RateLimited("too often", retry_after_seconds=9)
    for error, expected in [(limited, "9"), (errors.Overloaded("too much"), "1")]:
        response = grpc_response(error, RESOURCE_EXHAUSTED, error.detail)
        assert response.headers["retry-after"] == expected
        assert response.status_code == 429
    too_large = errors.PayloadTooLarge("too large")
    response = grpc_response(too_large, RESOURCE_EXHAUSTED, too_large.detail)
    assert "retry-after" not in response.headers


def test_a_text_of_any_script_and_length_fits_into_a_header() -> None:
    response = grpc_response(errors.InvalidInput("ü\n" * 5000), INVALID_ARGUMENT, "ü\n" * 5000)

    assert response.headers["grpc-message"].isascii()
    assert len(response.headers["grpc-message"]) < 8000
    assert "\n" not in response.headers["grpc-message"]


def test_a_hint_of_this_very_error_is_told() -> None:
    assert text_of(errors.InvalidInput("wrong", hint="Do this.")) == "wrong. Do this."
    assert text_of(errors.InvalidInput("wrong")) == "wrong"
