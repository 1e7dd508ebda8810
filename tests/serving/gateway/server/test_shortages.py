"""What a machine may lack, or take away: file descriptors, and a place for workers to count in."""

import fcntl
import os
import resource
import shutil
import socket
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from serving.gateway.server import metrics_folder
from serving.gateway.server.metrics_folder import NoMetricsFolder
from tests import stack
from tests.readings import reading
from tests.workers import listening


def test_a_lack_of_file_descriptors_is_told_once_and_survived(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file, stack.gateway_process(file) as (running, url), ExitStack() as held:
        process, port = psutil.Process(running.pid), int(url.rpartition(":")[2])
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        assert process.rlimit(psutil.RLIMIT_NOFILE) == (hard, hard)
        few = process.num_fds() + 5
        process.rlimit(psutil.RLIMIT_NOFILE, (few, few))

        def exhaust() -> bool:
            held.enter_context(socket.create_connection(("127.0.0.1", port)))
            return b"no file descriptors are left" in log.read_bytes()

        stack.wait_until(exhaust, "a word")
        assert not stack.answers(f"{url}/healthz")
        held.close()

        stack.wait_until(lambda: stack.answers(f"{url}/healthz"), "an answer")
        again = b"there are file descriptors again"
        stack.wait_until(lambda: again in log.read_bytes(), "a word")
        assert f"{few} are allowed, more with ulimit -n" in log.read_text()
        assert log.read_bytes().count(b"no file descriptors are left") == 1


def test_workers_go_on_and_are_replaced_when_the_folder_of_metrics_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "places"))
    (tmp_path / "places").mkdir()
    log, port = tmp_path / "log", stack.free_port()
    with (
        log.open("wb") as file,
        stack.gateway_process(file, workers="2", metrics_port=str(port)) as (running, url),
    ):
        stack.wait_until(lambda: len(listening(running)) == 2, "both workers")
        (folder,) = (tmp_path / "places").glob("*metrics*")

        shutil.rmtree(folder)

        stack.wait_until(folder.is_dir, "the folder")
        assert stack.answers(f"http://127.0.0.1:{port}/metrics")
        worker = listening(running)[0]
        worker.kill()
        worker.wait(stack.STOP_SECONDS)
        stack.wait_until(lambda: len(listening(running)) == 2, "another worker")
        assert stack.answers(f"{url}/healthz")
        assert reading(f"http://127.0.0.1:{port}", "tfgate_keys_file_valid") == 1
        assert running.poll() is None
        assert log.read_text().count("keep cleaners of temporary files away") == 1
    assert list((tmp_path / "places").iterdir()) == []


def test_cleaners_find_the_folder_of_metrics_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is locked is left alone by systemd-tmpfiles, which tries to lock it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with metrics_folder.metrics_folder() as folder:
        for again in range(2):
            descriptor = os.open(folder.path, os.O_RDONLY)
            with pytest.raises(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(descriptor)
            if not again:
                folder.path.rmdir()
                folder.restore()


def test_a_full_or_missing_place_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, good = tmp_path / "full", tmp_path / "good"
    full.mkdir()
    good.mkdir()
    free = shutil.disk_usage

    def disk_usage(folder: Path) -> tuple[int, int, int]:
        return type(free(folder))(10, 10, 0) if folder.parent == full else free(folder)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    monkeypatch.setattr(metrics_folder, "_SHARED_MEMORY", good)
    for chosen in (full, tmp_path / "missing", Path("/proc")):
        monkeypatch.setenv("TMPDIR", str(chosen))
        with metrics_folder.metrics_folder() as folder:
            assert folder.path.parent == good
    assert list(full.iterdir()) == list(good.iterdir()) == []


def test_where_there_is_no_place_to_count_in_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = [Path("/proc"), Path("/none")]
    monkeypatch.setattr(metrics_folder, "_places", lambda: iter(places))

    with (
        pytest.raises(NoMetricsFolder, match=r"\(/proc: .*; /none: No such .*TMPDIR, or run one"),
        metrics_folder.metrics_folder(),
    ):
        pass
