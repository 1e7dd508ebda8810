"""Scoring that is disturbed: it waits, goes on where it was, keeps to its version, or says why."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from tfgate import ask
from tfgate.cli import app
from tfgate.score import asking, results
from tfgate.score.journal import Journal

NUM_ROWS = 300
URL = "http://127.0.0.1:9"


class StandIn:
    """Answers as a gateway does that serves a model of one field, and may be made to do otherwise.

    `others` answers in its place, as long as it gives anything.
    """

    def __init__(self) -> None:
        self.version = 4
        self.asked: list[tuple[str, list[int]]] = []
        self.others: Callable[[list[int]], httpx.Response | None] = lambda _: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            schema = {"properties": {"n": {"type": "integer"}}, "required": ["n"]}
            return httpx.Response(200, json={"versions": [], "request_schema": schema})
        numbers = [each["n"] for each in json.loads(request.content)["instances"]]
        self.asked.append((request.url.raw_path.decode(), numbers))
        if (other := self.others(numbers)) is not None:
            return other
        answers = {"predictions": [{"double": 2 * each} for each in numbers]}
        return httpx.Response(200, json=answers, headers={"X-Model-Version": str(self.version)})


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandIn:
    stand_in = StandIn()

    def client(_: str) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(stand_in))

    for module in (ask, asking):
        monkeypatch.setattr(module, "open_client", client)
    for pause in ("FIRST_PAUSE_SECONDS", "LONGEST_PAUSE_SECONDS"):
        monkeypatch.setattr(asking, pause, 0.001)
    monkeypatch.chdir(tmp_path)
    Path("numbers.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(NUM_ROWS)))
    return stand_in


def score(*more: str) -> Result:
    command = ["score", "numbers.csv", "out.jsonl", "--model=double", "--url", URL, *more]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def doubles() -> list[int]:
    rows = map(json.loads, Path("out.jsonl").read_text().splitlines())
    return [row["prediction"]["double"] for row in rows]


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    document: dict[str, Any] = {"code": code, "detail": code, "hint": "", "errors": []}
    return httpx.Response(status, json=document, headers=headers)


def refusing(
    response: Callable[[], httpx.Response], *, times: int
) -> Callable[[list[int]], httpx.Response | None]:
    """Refuse the rows from the hundredth on, so many times."""
    left = [times]

    def refuse(numbers: list[int]) -> httpx.Response | None:
        if numbers[0] < 100 or left[0] == 0:
            return None
        left[0] -= 1
        return response()

    return refuse


@pytest.mark.parametrize(
    "response",
    [
        lambda: problem(429, "too-many-requests", **{"Retry-After": "1"}),
        lambda: problem(503, "model-unavailable"),
    ],
)
def test_a_gateway_that_is_busy_is_asked_again(
    gateway: StandIn, response: Callable[[], httpx.Response]
) -> None:
    gateway.others = refusing(response, times=5)
    assert score().exit_code == 0
    assert doubles() == [2 * n for n in range(NUM_ROWS)]


def test_a_connection_that_breaks_is_made_again(gateway: StandIn) -> None:
    def broken() -> httpx.Response:
        message = "reset by peer"
        raise httpx.ReadError(message)

    gateway.others = refusing(broken, times=3)
    assert score().exit_code == 0
    assert doubles() == [2 * n for n in range(NUM_ROWS)]


def test_who_is_turned_away_stops_and_the_same_command_goes_on(gateway: StandIn) -> None:
    gateway.others = refusing(lambda: problem(403, "forbidden"), times=-1)
    stopped = score("--parallel=1")
    assert (stopped.exit_code, "forbidden" in stopped.output) == (1, True)
    assert not Path("out.jsonl").exists()
    num_scored = sum(len(numbers) for _, numbers in gateway.asked if numbers[0] < 100)

    gateway.others = lambda _: None
    gateway.asked.clear()
    done = score("--parallel=1")

    assert done.exit_code == 0
    assert f"going on after {num_scored} rows, with version 4" in done.output
    assert [n for _, numbers in gateway.asked for n in numbers] == [*range(num_scored, NUM_ROWS)]
    assert doubles() == [2 * n for n in range(NUM_ROWS)]


def test_half_a_line_of_one_who_was_killed_is_scored_again(gateway: StandIn) -> None:
    gateway.others = refusing(lambda: problem(403, "forbidden"), times=-1)
    score("--parallel=1")
    journal = Path("out.jsonl.journal")
    journal.write_bytes(journal.read_bytes()[:-9])

    gateway.others = lambda _: None
    assert score().exit_code == 0
    assert doubles() == [2 * n for n in range(NUM_ROWS)]


def test_all_rows_are_answered_by_the_version_that_answered_the_first(gateway: StandIn) -> None:
    def promoted(_: list[int]) -> None:
        if len(gateway.asked) > 1:
            gateway.version = 5

    gateway.others = promoted
    score()
    paths = [path for path, _ in gateway.asked]
    assert paths[0] == "/predict/double/batch"
    assert set(paths[1:]) == {"/predict/double/batch?version=4"}


def test_a_version_or_a_label_may_be_chosen(gateway: StandIn) -> None:
    score("--version=3")
    assert {path for path, _ in gateway.asked} == {"/predict/double/batch?version=3"}
    gateway.asked.clear()
    score("--label=canary")
    first, *others = [path for path, _ in gateway.asked]
    assert first == "/predict/double/batch?label=canary"
    assert set(others) == {"/predict/double/batch?version=4"}


@pytest.mark.parametrize(
    "change",
    [
        lambda: Path("numbers.csv").write_text("n\n1\n2\n"),
        lambda: ["--version=9"],
    ],
)
def test_nobody_goes_on_with_another_table_or_version(
    gateway: StandIn, change: Callable[[], Any]
) -> None:
    gateway.others = refusing(lambda: problem(403, "forbidden"), times=-1)
    score()
    more = change()
    again = score(*(more if isinstance(more, list) else []))
    assert (again.exit_code, "is of another scoring" in again.output) == (2, True), again.output


@pytest.mark.parametrize("status", [400, 413, 422, 500, 502, 504])
def test_a_row_that_spoils_its_request_costs_no_other(gateway: StandIn, status: int) -> None:
    gateway.others = lambda numbers: problem(status, "no") if 7 in numbers else None
    assert score().exit_code == 1
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [row["row"]["n"] for row in rows if row["error"]] == ["7"]
    assert [row["prediction"] for row in rows[8:]] == [{"double": 2 * n} for n in range(8, 300)]


def test_what_takes_too_long_together_is_asked_apart(gateway: StandIn) -> None:
    late = problem(504, "deadline-exceeded")
    gateway.others = lambda numbers: late if len(numbers) > 16 else None
    assert score().exit_code == 0
    assert doubles() == [2 * n for n in range(NUM_ROWS)]


def test_a_gateway_that_stays_away_is_given_up_and_nothing_is_lost(
    gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_SECONDS", 0)
    gateway.others = refusing(lambda: problem(503, "model-unavailable"), times=-1)
    stopped = score("--parallel=1")
    assert stopped.exit_code == 1
    assert f"{URL} has answered nothing for minutes (model-unavailable" in stopped.output
    gateway.others = lambda _: None
    assert "going on after" in score().output


def test_a_version_that_is_known_late_is_kept_to_by_whoever_goes_on(gateway: StandIn) -> None:
    def others(numbers: list[int]) -> httpx.Response | None:
        if numbers[0] < 64:
            return problem(422, "no")
        return problem(403, "forbidden") if numbers[0] >= 200 else None

    gateway.others = others
    assert "forbidden" in score("--parallel=3").output
    paths = [path for path, _ in gateway.asked]
    known = next(n for n, (_, numbers) in enumerate(gateway.asked) if numbers[0] >= 64)
    assert set(paths[: known + 1]) == {"/predict/double/batch"}
    assert set(paths[known + 1 :]) == {"/predict/double/batch?version=4"}

    gateway.version, gateway.others = 5, lambda _: None
    gateway.asked.clear()
    assert "with version 4" in score().output
    assert {path for path, _ in gateway.asked} == {"/predict/double/batch?version=4"}


def test_who_stops_waits_for_no_gateway(gateway: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("FIRST_PAUSE_SECONDS", "LONGEST_PAUSE_SECONDS"):
        monkeypatch.setattr(asking, pause, 100)
    gateway.others = refusing(lambda: problem(503, "model-unavailable"), times=-1)
    write = Journal.write

    def interrupted(journal: Journal, *arguments: Any) -> None:
        if journal.num_rows:
            raise KeyboardInterrupt
        write(journal, *arguments)

    monkeypatch.setattr(Journal, "write", interrupted)
    began = time.monotonic()
    stopped = score("--parallel=3")
    assert (stopped.exit_code, "the same command goes on" in stopped.output) == (130, True)
    assert time.monotonic() - began < 50


def full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_disk_that_fills_is_told_and_the_same_command_goes_on(
    gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", lambda *all_: full() if all_[0].num_rows else write(*all_))
        stopped = score()
    assert stopped.exit_code == 1
    assert "No space left on device. What is scored is in out.jsonl.journal" in stopped.output
    done = score()
    assert (done.exit_code, "going on after 64 rows" in done.output) == (0, True)
    assert doubles() == [2 * n for n in range(NUM_ROWS)]


def test_a_disk_that_has_no_room_for_the_output_costs_no_answer(
    gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(results, "_without_nan", full)
        assert "No space left" in score().output
    assert sorted(path.name for path in Path().iterdir()) == ["numbers.csv", "out.jsonl.journal"]
    gateway.asked.clear()
    assert (score().exit_code, gateway.asked) == (0, [])
    assert doubles() == [2 * n for n in range(NUM_ROWS)]


def test_two_do_not_write_one_output(gateway: StandIn) -> None:
    with Journal(Path("out.jsonl"), {}):
        again = score()
    assert (again.exit_code, "the same scoring is running" in again.output) == (2, True)
    assert gateway.asked == []


def test_who_answers_and_is_no_gateway_is_told_of(gateway: StandIn) -> None:
    gateway.others = lambda _: httpx.Response(200, text="<html>please log in</html>")
    stopped = score()
    assert (stopped.exit_code, "is it a gateway?" in stopped.output) == (1, True)
