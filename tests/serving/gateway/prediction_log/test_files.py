"""Files: bounded, begun anew, each writer's own; whoever dies loses half a line at most."""

import json
import multiprocessing
import os
import socket
import stat
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from serving.gateway.prediction_log import folder, table
from serving.gateway.prediction_log.files import Files, Format
from tests.serving.gateway.prediction_log.answers import answered, records

MAX_BYTES = 200_000


def lines(folder: Path) -> list[dict[str, Any]]:
    found = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for file in found for line in file.read_text().splitlines()]


def sizes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def ids(folder: Path) -> list[int]:
    """Read which requests are in a folder's tables and lines."""
    tables = [parquet.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    in_tables = [each for part in tables for each in part["request_id"].to_pylist()]
    return [int(each) for each in [*in_tables, *(record["request_id"] for record in lines(folder))]]


def test_a_full_disk_leaves_no_half_of_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(tmp_path, "jsonl", 1_000_000)
    files.write(records(answered()))
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 40:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) - 30])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        files.write(records(answered()))
    monkeypatch.undo()
    files.write(records(answered()))
    assert len(lines(tmp_path)) == 4


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_all_files_together_stay_within_the_bound_and_the_oldest_go(
    tmp_path: Path, form: Format
) -> None:
    (tmp_path / "predictions-0000-of-last-year.jsonl").write_text("a user's")
    now = [1e9]
    files = Files(tmp_path, form, MAX_BYTES, clock=lambda: now[0])
    rng = np.random.default_rng(0)
    for number in range(150):
        # Of what does not become small in a table either.
        files.write(records(answered(str(number), y=rng.random((2, 50)))))
        files.rotate()
        assert sizes(tmp_path) <= MAX_BYTES
        now[0] += 60
    files.close()

    assert sizes(tmp_path) <= MAX_BYTES
    (tmp_path / "predictions-0000-of-last-year.jsonl").unlink()
    kept = sorted(ids(tmp_path))
    assert kept[0] > 0
    # Of the first request that is kept, a row may have been in the file before.
    assert kept[-2 * (149 - kept[0]) :] == [n for n in range(kept[0] + 1, 150) for _ in range(2)]
    assert len(list(tmp_path.iterdir())) > 10


def test_files_of_the_other_form_are_of_the_bound(tmp_path: Path) -> None:
    wide = records(answered(y=np.random.default_rng(0).random((2, 500))))
    for form in ("parquet", "jsonl", "parquet"):
        files = Files(tmp_path, form, MAX_BYTES)
        for _ in range(20):
            files.write(wide)
        files.close()
        assert sizes(tmp_path) <= MAX_BYTES


def test_a_block_that_is_larger_than_a_file_is_shared_out(tmp_path: Path) -> None:
    files = Files(tmp_path, "jsonl", MAX_BYTES)
    files.write(records(answered(y=np.zeros((400, 4)))))
    assert len(lines(tmp_path)) == 400
    assert len(list(tmp_path.iterdir())) > 5


def test_a_record_beyond_the_bound_is_not_written_and_takes_no_other_away(tmp_path: Path) -> None:
    files = Files(tmp_path, "jsonl", MAX_BYTES)
    files.write(records(answered()))
    text = np.array([b"x" * MAX_BYTES], dtype=object)
    with pytest.raises(OSError, match="bytes at once are more than"):
        files.write(records(answered(y=text)))
    files.write(records(answered()))
    assert len(lines(tmp_path)) == 4


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_file_ends_after_an_hour_though_nothing_more_comes(tmp_path: Path, form: Format) -> None:
    now = [1e9]
    files = Files(tmp_path, form, MAX_BYTES, clock=lambda: now[0])
    files.write(records(answered()))
    [first] = tmp_path.iterdir()
    now[0] += 3_599
    files.rotate()
    assert list(tmp_path.iterdir()) == [first]
    now[0] += 1
    files.rotate()
    assert [path.suffix for path in tmp_path.iterdir()] == [f".{form}"]
    files.write(records(answered()))
    assert len(list(tmp_path.iterdir())) == 2


def test_only_their_owner_may_read_the_files(tmp_path: Path) -> None:
    for form in ("jsonl", "parquet"):
        files = Files(tmp_path / form, form, MAX_BYTES)
        files.write(records(answered()))
        files.close()
        [file] = (tmp_path / form).iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_name_tells_the_host_and_the_process_and_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "../pod 1*é")
    Files(tmp_path, "jsonl", MAX_BYTES, clock=lambda: 0).write(records(answered()))
    [file] = tmp_path.iterdir()
    assert file.name == f"predictions-19700101T000000Z-.._pod_1_-{os.getpid()}-000001.jsonl"


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_writers_of_one_name_do_not_meet(tmp_path: Path, form: Format) -> None:
    # As two containers have it: the same host's name, process 1, and the same second.
    writers = [Files(tmp_path, form, MAX_BYTES, clock=lambda: 1e9) for _ in range(3)]
    for turn in range(4):
        for number, files in enumerate(writers):
            files.write(records(answered(str(10 * number + turn), y=np.arange(1))))
        writers[turn % 3].close()
    for files in writers:
        files.close()
    assert sorted(ids(tmp_path)) == [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]
    assert not list(tmp_path.glob("_*"))


def _write(folder: Path, first: int) -> None:
    files = Files(folder, "parquet", 100 * MAX_BYTES)
    for number in range(first, first + 50):
        files.write(records(answered(str(number), y=np.arange(1))))
    files.close()


def test_processes_write_into_one_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path, 100 * n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(ids(tmp_path)) == [100 * n + each for n in range(3) for each in range(50)]
    assert len(list(tmp_path.iterdir())) == 3


def test_tables_are_found_whole_by_pyarrow_and_pandas_while_others_are_written(
    tmp_path: Path,
) -> None:
    files = Files(tmp_path, "parquet", MAX_BYTES)
    for number in range(3):
        files.write(records(answered(str(number))))
    files.close()
    files.write(records(answered("9")))

    found = parquet.read_table(tmp_path)
    assert (found.num_rows, found["version"].to_pylist()) == (6, [3] * 6)
    frame = pd.read_parquet(tmp_path)
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame["request_id"].tolist() == ["0", "0", "1", "1", "2", "2"]
    assert [json.loads(each)["y"] for each in frame["outputs"]] == [0, 1] * 3


def left_by_a_killed_process(folder: Path, now: float) -> Path:
    """Leave three whole lines, and half of one."""
    files = Files(folder, "parquet", MAX_BYTES, clock=lambda: now)
    for number in range(3):
        files.write(records(answered(str(number), y=np.arange(1))))
    [own] = folder.glob("_*.jsonl")
    path = own.rename(own.with_name(own.name.replace(f"-{os.getpid()}-", "-1-")))
    with path.open("ab") as file:
        file.write(b'{"time": "2026-0')
    os.utime(path, (now, now))
    return path


def test_what_a_killed_process_left_becomes_a_table_once(tmp_path: Path) -> None:
    began = time.time() - 7_300
    lines_left = left_by_a_killed_process(tmp_path, began)
    half_a_table = lines_left.with_suffix(".parquet")
    half_a_table.write_bytes(b"PAR1")
    os.utime(half_a_table, (began, began))
    for _ in range(2):
        Files(tmp_path, "parquet", MAX_BYTES).rotate()
    assert ids(tmp_path) == [0, 1, 2]
    [path] = tmp_path.iterdir()
    assert path.name.startswith(time.strftime("predictions-%Y%m%dT%H%M%SZ", time.gmtime(began)))


def test_what_another_process_has_taken_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_by_a_killed_process(tmp_path, time.time() - 7_300)
    create = folder.create

    def slowly(*arguments: Any, **more: Any) -> Path:
        left.unlink()
        return create(*arguments, **more)

    monkeypatch.setattr(folder, "create", slowly)
    Files(tmp_path, "parquet", MAX_BYTES).rotate()
    assert list(tmp_path.iterdir()) == []


def test_what_another_process_still_writes_is_left_to_it(tmp_path: Path) -> None:
    path = left_by_a_killed_process(tmp_path, time.time() - 7_000)
    Files(tmp_path, "parquet", MAX_BYTES).rotate()
    assert list(tmp_path.iterdir()) == [path]


def test_lines_of_which_no_table_can_be_made_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(tmp_path, "parquet", MAX_BYTES)
    files.write(records(answered("7", y=np.arange(1))))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(table, "_records", full)
    with pytest.raises(OSError, match="No space"):
        files.close()
    assert ids(tmp_path) == [7]
    assert [path.name[0] for path in tmp_path.iterdir()] == ["_"]


def test_a_folder_that_has_gone_is_made_again(tmp_path: Path) -> None:
    files = Files(tmp_path / "log", "jsonl", MAX_BYTES)
    files.write(records(answered()))
    for path in (tmp_path / "log").iterdir():
        path.unlink()
    (tmp_path / "log").rmdir()
    with pytest.raises(FileNotFoundError):
        files.write(records(answered()))
    files.write(records(answered()))
    assert len(lines(tmp_path / "log")) == 2
