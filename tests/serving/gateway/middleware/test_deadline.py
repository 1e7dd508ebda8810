"""How long a caller waits, as the headers state it: whatever they hold, a time or a clear no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidInput
from serving.gateway.middleware.deadline import timeout_seconds

LONGEST = 5.0


def seconds_of(**headers: bytes) -> float:
    lines = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return timeout_seconds(lines, longest=LONGEST)


def test_a_caller_who_states_nothing_waits_as_long_as_the_setting_says() -> None:
    assert seconds_of() == LONGEST


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(b"2", 2), (b"0.5", 0.5), (b"0.000000001", 1e-9), (b"5.1", LONGEST), (b"999999999", LONGEST)],
)
def test_request_timeout_is_in_seconds_and_never_longer_than_the_setting(
    header: bytes, seconds: float
) -> None:
    assert seconds_of(request_timeout=header) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"99999999H", LONGEST),
        (b"1M", LONGEST),
        (b"2S", 2),
        (b"500m", 0.5),
        (b"500000u", 0.5),
        (b"50000000n", 0.05),
    ],
)
def test_grpc_timeout_is_read_with_its_unit(header: bytes, seconds: float) -> None:
    assert seconds_of(grpc_timeout=header) == pytest.approx(seconds)


def test_request_timeout_comes_first() -> None:
    assert seconds_of(request_timeout=b"1", grpc_timeout=b"2S") == 1


@pytest.mark.parametrize(
    "header",
    [
        *(b"", b"soon", b"-1", b"+1", b"1s", b"1e3", b"nan", b"inf", b".5", b"1.", b"1 2", b"1,2"),
        *(b"0", b"0.0", b"1000000000", b"0.0000000001", b"\xd9\xa1"),
    ],
)
def test_a_request_timeout_that_is_none_is_refused_by_name(header: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        seconds_of(request_timeout=header)

    assert [field.field for field in refused.value.fields] == ["header.Request-Timeout"]


@pytest.mark.parametrize("header", [b"", b"5", b"m", b"123456789m", b"1s", b"-1m", b"0.5S", b"0m"])
def test_a_grpc_timeout_that_is_none_is_refused_by_name(header: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        seconds_of(grpc_timeout=header)

    assert [field.field for field in refused.value.fields] == ["header.grpc-timeout"]


@given(header=st.binary(max_size=20) | st.text("0123456789.HMSmun", max_size=12).map(str.encode))
def test_any_header_is_a_time_or_refused(header: bytes) -> None:
    for name in ("request_timeout", "grpc_timeout"):
        try:
            seconds = seconds_of(**{name: header})
        except InvalidInput:
            continue
        else:
            assert 0 < seconds <= LONGEST
