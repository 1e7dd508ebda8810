"""The log of requests: a line each, complete, in order, and soon enough."""

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.gateway.telemetry.access_log import AccessLog
from tests import stack


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def write(level: str, *entries: tuple[int, dict[str, Any]]) -> None:
    log = AccessLog(level)
    for number, fields in entries:
        if log.wants(number):
            log.write(number, fields)
    log.flush()


def test_a_line_tells_its_time_level_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(write("INFO", (logging.ERROR, {"path": "/predict/housing", "version": None})))

    (line,) = lines(capsys.readouterr().out)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "ERROR",
        "logger": "tfgate.access",
        "path": "/predict/housing",
        "version": None,
    }


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("DEBUG", ["DEBUG", "INFO", "ERROR"]),
        ("INFO", ["INFO", "ERROR"]),
        ("WARNING", ["ERROR"]),
        ("ERROR", ["ERROR"]),
    ],
)
def test_lines_below_the_level_are_left_out(
    level: str, written: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(write(level, *((n, {}) for n in (logging.DEBUG, logging.INFO, logging.ERROR))))

    assert [line["level"] for line in lines(capsys.readouterr().out)] == written


@pytest.mark.parametrize("num_lines", [1, 255, 256, 257, 1_000])
def test_none_is_lost_at_the_end(num_lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(write("INFO", *((logging.INFO, {"number": n}) for n in range(num_lines))))

    numbers = [line["number"] for line in lines(capsys.readouterr().out)]
    assert numbers == list(range(num_lines))


def test_a_line_is_written_without_another_one_after_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def test() -> None:
        log = AccessLog("INFO")
        for number in range(3):
            log.write(logging.INFO, {"number": number})
            written = ""
            async with asyncio.timeout(stack.STOP_SECONDS):
                while not written:
                    await asyncio.sleep(0)
                    written = capsys.readouterr().out
            assert [line["number"] for line in lines(written)] == [number]

    asyncio.run(test())


@given(text=st.text(st.characters(codec="utf-8")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_callers_send_stays_within_its_line(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(write("INFO", (logging.INFO, {"path": text}), (logging.INFO, {"path": "next"})))

    written = capsys.readouterr().out.split("\n")
    assert [json.loads(line)["path"] for line in written[:-1]] == [text, "next"]
    assert written[-1] == ""
