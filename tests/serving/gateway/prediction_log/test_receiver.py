"""A receiver of events: what it refuses, what it takes later, what it never takes."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest

from serving.gateway.prediction_log import receiver as module
from serving.gateway.prediction_log.receiver import Receiver
from serving.gateway.prediction_log.records import Record
from serving.gateway.prediction_log.target import Refused
from tests.serving.gateway.prediction_log.answers import answered, records
from tests.serving.gateway.prediction_log.receivers import receiver


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make no pauses; gives those that were to be."""
    made: list[float] = []
    monkeypatch.setattr(module, "sleep", made.append)
    return made


def send(url: str, sent: Sequence[Record]) -> None:
    with closing(Receiver(url)) as to:
        to.write(sent)


def answering(*statuses: int) -> Callable[[Any], int]:
    left = list(statuses)
    return lambda _: left.pop(0) if left else 200


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_waited_for_ever_longer(status: int, pauses: list[float]) -> None:
    with receiver(answering(status, status, status)) as (url, events):
        send(url, records(answered()))
    assert len(events) == 2
    assert pauses == [0.5, 1, 2]


def test_who_wishes_to_be_left_alone_is_but_not_for_ever(pauses: list[float]) -> None:
    with receiver(answering(429), **{"Retry-After": "7"}) as (url, _):
        send(url, records(answered()))
    with receiver(answering(503), **{"Retry-After": "86400"}) as (url, _):
        send(url, records(answered()))
    assert pauses == [7, 10]


def test_who_never_takes_it_is_asked_a_few_times(pauses: list[float]) -> None:
    with receiver(lambda _: 503) as (url, _), pytest.raises(OSError, match="503 Service Unav"):
        send(url, records(answered()))
    assert pauses == list(module.PAUSES_SECONDS)
    with pytest.raises(OSError, match="refused"):
        send("http://127.0.0.1:9/", records(answered()))
    assert len(pauses) == 2 * len(module.PAUSES_SECONDS)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 422])
def test_what_is_refused_is_not_sent_again(status: int, pauses: list[float]) -> None:
    with receiver(answering(status)) as (url, events):
        with pytest.raises(Refused, match=str(status)):
            send(url, records(answered()))
        assert (events, pauses) == ([], [])


def test_names_of_any_letters_travel_in_headers() -> None:
    with receiver() as (url, events):
        send(url, records(answered(model='wörter 100% "a"')))
    told, _ = events[0]
    assert told["ce-inferenceservicename"] == "w%C3%B6rter%20100%25%20%22a%22"
    assert told["ce-time"] == "1970-01-01T00:00:00.000+00:00"
