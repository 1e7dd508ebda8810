import shutil
import threading
from pathlib import Path

import grpc

from tests.contract.tf_serving.servers import embedded_server
from tests.damage import VARIABLES_DATA, VARIABLES_INDEX, cut
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
            write_version(tmp_path, 2)
            wait_until(lambda: answer(channel) == 2, "the swap")
            remove_version(tmp_path, 2)
            wait_until(lambda: answer(channel) == 1, "the way back")
        finally:
            done.set()
            for caller in callers:
                caller.join()
    assert not failures
    assert set(answers) == {1, 2}


def test_a_version_copied_in_place_is_taken_when_it_is_whole(tmp_path: Path) -> None:
    """A copy brings the graph first and the index of the variables last, and takes its time."""
    write_version(tmp_path / "elsewhere", 2)
    base_path = tmp_path / "served"
    write_version(base_path, 1)
    flags = [f"--model_base_path={base_path}", "--max_num_load_retries=0"]
    with embedded_server(*flags) as channel:
        whole, copy = tmp_path / "elsewhere" / "2", base_path / "2"
        shutil.copytree(whole, copy, ignore=shutil.ignore_patterns("variables.index"))
        cut(VARIABLES_DATA)(copy)
        wait_until(lambda: states(channel).get(2, ("", ""))[0] == "END", "giving up")
        assert f"{copy / VARIABLES_INDEX}; No such file or directory" in states(channel)[2][1]
        assert answer(channel) == 1
        for name in (VARIABLES_DATA, VARIABLES_INDEX):
            shutil.copy(whole / name, copy / name)
        wait_until(lambda: answer(channel) == 2, "the swap")
        wait_until(lambda: states(channel)[1][0] == "END", "the end of version 1")
        assert states(channel)[2] == ("AVAILABLE", "")
