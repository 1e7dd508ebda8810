"""What is wrong with a version is said as TensorFlow's own loader says it, which TF Serving calls.

That loader takes a version without its variables for one that has none: it loads, and its
predictions fail. A version with warm-up requests is safe from this, as they fail the load.
"""

import ctypes
from pathlib import Path

import grpc
import pytest
import tensorflow as tf

from serving.embedded import saved_model
from serving.embedded.statuses import StatusError, code_number
from tests.contract.tf_serving.servers import embedded_server
from tests.damage import (
    GRAPH,
    VARIABLES_DATA,
    VARIABLES_INDEX,
    Damage,
    cut,
    remove,
    remove_variables,
)
from tests.serving.embedded.numbered import answer, request, states, write_version
from tests.stack import wait_until

DAMAGES = {
    "none": lambda _: None,
    "all variables lost": remove_variables,
    "index lost": remove(VARIABLES_INDEX),
    "index empty": cut(VARIABLES_INDEX, 0),
    "index halved": cut(VARIABLES_INDEX),
    "data lost": remove(VARIABLES_DATA),
    "data empty": cut(VARIABLES_DATA, 0),
    "data halved": cut(VARIABLES_DATA),
    "graph empty": cut(GRAPH, 0),
    "graph halved": cut(GRAPH),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_seen_as_tensorflow_sees_it(tmp_path: Path, damage: Damage) -> None:
    write_version(tmp_path, 1)
    damage(tmp_path / "1")
    assert verdict_of_ours(tmp_path / "1") == verdict_of_tensorflow(tmp_path / "1")


def verdict_of_ours(version: Path) -> tuple[int, str]:
    try:
        _, session = saved_model.load(version, ["serve"], tf.compat.v1.ConfigProto())
    except StatusError as error:
        return code_number(error.code), error.message
    session.close()
    return 0, ""


def verdict_of_tensorflow(version: Path) -> tuple[int, str]:
    """Load it by TensorFlow's C interface, which calls the loader in C++ that TF Serving calls."""
    library = ctypes.CDLL(str(next(Path(tf.__file__).parent.glob("libtensorflow_cc.*"))))

    def make(function: str, *arguments: object) -> ctypes.c_void_p:
        call = library[function]
        call.restype = ctypes.c_void_p
        return ctypes.c_void_p(call(*arguments))

    status, graph = make("TF_NewStatus"), make("TF_NewGraph")
    options, tags = make("TF_NewSessionOptions"), (ctypes.c_char_p * 1)(b"serve")
    path = str(version).encode()
    make("TF_LoadSessionFromSavedModel", options, None, path, tags, 1, graph, None, status)
    library.TF_Message.restype = ctypes.c_char_p
    return library.TF_GetCode(status), library.TF_Message(status).decode()


def test_a_version_that_lost_its_variables_loads_and_cannot_predict(tmp_path: Path) -> None:
    write_version(tmp_path, 1)
    remove_variables(tmp_path / "1")
    with embedded_server(f"--model_base_path={tmp_path}") as channel:
        assert states(channel) == {1: ("AVAILABLE", "")}
        with pytest.raises(grpc.RpcError) as failure:
            answer(channel)
        assert failure.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_warm_up_requests_keep_it_from_service(tmp_path: Path) -> None:
    write_version(tmp_path, 1)
    write_version(tmp_path / "elsewhere", 2, warmup=[request()])
    remove_variables(tmp_path / "elsewhere" / "2")
    with embedded_server(f"--model_base_path={tmp_path}", "--max_num_load_retries=0") as channel:
        (tmp_path / "elsewhere" / "2").rename(tmp_path / "2")
        wait_until(lambda: states(channel).get(2, ("", ""))[0] == "END", "giving up")
        assert "variable" in states(channel)[2][1]
        assert answer(channel) == 1
