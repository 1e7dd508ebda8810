"""No gap between what can go wrong and what the caller is told."""

import grpc
import pytest

from serving.errors import FieldError, InvalidInput, MethodNotAllowed, TfgateError, all_errors
from serving.gateway.inference.client import ERRORS
from serving.gateway.problems import problem_response, status_of

CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_every_grpc_status_has_an_error(code: grpc.StatusCode) -> None:
    assert issubclass(ERRORS[code], TfgateError)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.code)
def test_every_error_has_an_http_status_and_a_meaning(error: type[TfgateError]) -> None:
    assert 400 <= status_of(error) < 600
    assert error.__doc__


def test_every_code_is_unique() -> None:
    codes = [error.code for error in all_errors()]

    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.code)
def test_only_what_may_be_repeated_carries_retry_after(error: type[TfgateError]) -> None:
    is_method = error is MethodNotAllowed
    raised = MethodNotAllowed("because", allowed="GET") if is_method else error("because")
    response = problem_response(raised, path="/x", request_id="1")

    assert ("retry-after" in response.headers) == (response.status_code in (429, 503))


def test_an_error_in_a_batch_names_the_instance() -> None:
    error = InvalidInput("too small", hint="more", fields=[FieldError("text", "too small", 3)])

    below = error.below("instances.4")

    assert below.fields == (FieldError("instances.4.text", "too small", 3),)
    assert below.detail == "instances.4: too small"
    assert below.hint == "more"
