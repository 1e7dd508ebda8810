import threading
from pathlib import Path

import grpc

from tests.contract.tf_serving.servers import embedded_server
from tests.serving.embedded.numbered import answer, remove_version, states, write_version
from tests.stack import wait_until


def test_no_call_fails_or_mixes_versions_while_they_change(tmp_path: Path) -> None:
    write_version(tmp_path, 1)
    answers: list[int] = []
    failures: list[grpc.RpcError] = []
    done = threading.Event()

    with embedded_server(f"--model_base_path={tmp_path}", "--grpc_max_threads=16") as channel:

        def keep_asking() -> None:
            while not done.is_set():
                try:
                    answers.append(answer(channel))
                except grpc.RpcError as error:
                    failures.append(error)

        callers = [threading.Thread(target=keep_asking) for _ in range(4)]
        for caller in callers:
            caller.start()
        try:
            for number in (2, 3):
                write_version(tmp_path, number)
                wait_until(lambda: answer(channel) == number, "the swap")  # noqa: B023
            remove_version(tmp_path, 3)
            wait_until(lambda: answer(channel) == 2, "the way back")
        finally:
            done.set()
            for caller in callers:
                caller.join()
    assert not failures
    assert set(answers) == {1, 2, 3}


def test_a_half_copied_version_is_taken_when_it_is_whole(tmp_path: Path) -> None:
    write_version(tmp_path / "elsewhere", 2)
    base_path = tmp_path / "served"
    write_version(base_path, 1)
    retry = "--load_retry_interval_micros=200000"
    with embedded_server(f"--model_base_path={base_path}", retry) as channel:
        whole, half = tmp_path / "elsewhere" / "2", base_path / "2"
        half.mkdir()
        graph = (whole / "saved_model.pb").read_bytes()
        (half / "saved_model.pb").write_bytes(graph[: len(graph) // 2])
        wait_until(lambda: states(channel).get(2, ("", ""))[0] == "LOADING", "the first attempt")
        assert answer(channel) == 1
        (whole / "variables").rename(half / "variables")
        (half / "saved_model.pb").write_bytes(graph)
        wait_until(lambda: answer(channel) == 2, "the swap")
        wait_until(lambda: states(channel)[1][0] == "END", "the end of version 1")


def test_a_version_that_cannot_load_leaves_the_old_one_serving(tmp_path: Path) -> None:
    write_version(tmp_path, 1)
    with embedded_server(f"--model_base_path={tmp_path}", "--max_num_load_retries=0") as channel:
        (tmp_path / "2").mkdir()
        wait_until(lambda: states(channel).get(2, ("", ""))[0] == "END", "giving up")
        assert "does not appear to contain a SavedModel" in states(channel)[2][1]
        assert answer(channel) == 1
        assert states(channel)[1] == ("AVAILABLE", "")
