"""The log of requests: a line each, complete, in order, soon enough; and an answer in any case."""

import asyncio
import errno
import io
import json
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from starlette.types import Message, Receive, Scope, Send

from serving.errors import InvalidInput, ModelServerFailure
from serving.gateway.dialects.errors import error_response
from serving.gateway.dialects.paths import model_asked
from serving.gateway.middleware.request_log import Lines, RequestLog
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import new_context
from tests import stack

ANSWER: Message = {"type": "http.response.start", "status": 200, "headers": []}

SERVICE = "/inference.GRPCInferenceService"


async def answered(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(ANSWER)
    await send({"type": "http.response.body", "body": b""})


def raising(error: Exception, *, after: bool = False) -> Callable[..., Any]:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if after:
            await send(ANSWER)
        raise error

    return app


BEGIN = partial(new_context, model_asked=partial(model_asked, known=["housing"]))


async def receive() -> Message:
    return {"type": "http.request"}


async def ask(app: Callable[..., Any], path: str = "/models", level: str = "INFO") -> list[Message]:
    """Ask an application within the log once; returns what it sent."""
    lines, sent = Lines(), []

    async def send(message: Message) -> None:
        sent.append(message)

    log = RequestLog(app, lines=lines, level=level, begin=BEGIN, answer=error_response)
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    try:
        await log(scope, receive, send)
    finally:
        lines.flush()
    return sent


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.split("\n")[:-1]]


def test_a_line_tells_who_asked_what_and_what_came_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    head, _ = asyncio.run(ask(answered, "/predict/housing"))

    (line,) = written(capsys)
    assert dict(head["headers"])[b"x-request-id"].decode() == line.pop("request_id")
    assert line.pop("time").endswith("Z")
    assert line.pop("milliseconds") >= 0
    assert line == {
        "level": "INFO",
        "logger": "tfgate.access",
        "method": "GET",
        "path": "/predict/housing",
        "status": 200,
        "outcome": "ok",
        "key": None,
        "model": "housing",
        "version": None,
        "route": None,
        "instances": 0,
        "error": None,
        "stages": {},
    }


@pytest.mark.parametrize(
    ("level", "told"), [("DEBUG", 3), ("INFO", 2), ("WARNING", 1), ("ERROR", 1)]
)
def test_lines_below_the_level_are_left_out(
    level: str, told: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Probes are told at DEBUG, answers at INFO, and what went wrong on our side at ERROR."""
    asyncio.run(ask(answered, "/healthz", level))
    asyncio.run(ask(answered, "/models", level))
    asyncio.run(ask(raising(ModelServerFailure("it broke")), "/models", level))

    assert len(written(capsys)) == told


@pytest.mark.parametrize(
    ("path", "is_told"),
    [
        *[("/readyz/forest", False), ("/metrics", False)],
        *[("/v2/health/ready", False), ("/v2/health/live", False)],
        *[("/v2/models/forest/ready", False), ("/v2/models/forest/versions/3/ready", False)],
        *[(f"{SERVICE}/{each}", False) for each in ("ServerLive", "ServerReady", "ModelReady")],
        *[("/v2/models/ready", True), ("/v2/models/forest/infer", True), ("/v2", True)],
        *[(f"{SERVICE}/{each}", True) for each in ("ModelInfer", "ModelMetadata")],
    ],
)
def test_probes_of_every_dialect_stay_out_of_the_log(
    path: str, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(ask(answered, path))

    assert len(written(capsys)) == is_told


def test_an_error_of_ours_becomes_its_problem_wherever_it_is_raised(
    capsys: pytest.CaptureFixture[str],
) -> None:
    head, body = asyncio.run(ask(raising(InvalidInput("too small"))))

    assert head["status"] == 422
    assert json.loads(body["body"])["detail"] == "too small"
    (line,) = written(capsys)
    assert (line["outcome"], line["error"]) == ("invalid-input", None)


def test_a_defect_is_a_500_that_tells_the_caller_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    head, body = asyncio.run(ask(raising(KeyError("secret"))))

    assert (head["status"], b"secret" in body["body"]) == (500, False)
    (line,) = written(capsys)
    assert (line["status"], line["outcome"], line["level"]) == (500, "internal-error", "ERROR")
    assert "secret" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def test_a_defect_after_the_head_of_an_answer_ends_the_connection_and_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(KeyError):
        asyncio.run(ask(raising(KeyError("late"), after=True)))

    (line,) = written(capsys)
    assert line["outcome"] == "internal-error"


def test_in_a_terminal_it_is_a_line_for_people_that_commands_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A path may hold what moves a cursor, rings a bell or begins a line."""
    lines = Lines()
    log = RequestLog(
        raising(KeyError()),
        lines=lines,
        level="INFO",
        begin=BEGIN,
        answer=error_response,
        text=True,
    )
    scope = {"type": "http", "method": "GET", "path": "/\x1b[2J\a\nü", "headers": []}

    async def send(_message: Message) -> None:
        pass

    async def ask() -> None:
        await log(scope, receive, send)
        lines.flush()

    asyncio.run(ask())

    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d ERROR   GET /\\x1b\[2J\\x07\\nü 500 in [0-9.]+ ms: .+", line
    )


@pytest.mark.parametrize("num_lines", [1, 255, 256, 257, 1_000])
def test_none_is_lost_at_the_end(num_lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    async def take() -> None:
        lines = Lines()
        for number in range(num_lines):
            lines.take(b"%d" % number)
        lines.flush()

    asyncio.run(take())

    assert capsys.readouterr().out.split("\n")[:-1] == [str(number) for number in range(num_lines)]


def test_a_line_is_written_without_another_one_after_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def test() -> None:
        lines = Lines()
        for number in range(3):
            lines.take(b"%d" % number)
            out = ""
            async with asyncio.timeout(stack.STOP_SECONDS):
                while not out:
                    await asyncio.sleep(0)
                    out = capsys.readouterr().out
            assert out == f"{number}\n"

    asyncio.run(test())


@pytest.mark.parametrize("num_requests", [1, 255, 256, 257])
def test_requests_are_counted_without_anybody_looking(
    num_requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in files, which another worker reads."""
    metrics.flush()
    counted = 0

    def observe_all(_histogram: object, values: NDArray[np.float64]) -> None:
        nonlocal counted
        counted += len(values)

    monkeypatch.setattr(metrics.BlockHistogram, "observe_all", observe_all)

    async def test() -> None:
        for _ in range(num_requests):
            await ask(answered, "/predict/housing")
        async with asyncio.timeout(stack.STOP_SECONDS):
            while counted < num_requests * (2 + len(metrics.STAGES)):
                await asyncio.sleep(0)

    asyncio.run(test())

    assert not metrics.UNCOUNTED


class FullDisk(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_lines_and_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", FullDisk())

    sent = asyncio.run(ask(raising(InvalidInput("no")), "/x"))

    assert sent[0]["status"] == 422


@given(text=st.text(st.characters(codec="utf-8")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_callers_send_stays_within_its_line(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(ask(answered, f"/{text}"))

    (line,) = written(capsys)
    assert line["path"] == f"/{text}"[:200]
