"""A model server's pod, or its two containers: what makes its configuration, and the server."""

import shlex
import sys
from pathlib import Path

import grpc

from tests import stack
from tests.serving.embedded.numbered import answer, request, write_version
from tests.serving.tf_serving.test_entrypoint import FOLDER, is_healthy, put_on_path

EMBEDDED = shlex.join([sys.executable, "-m", "serving.embedded"])


def test_a_server_over_an_empty_repository_serves_what_comes(tmp_path: Path) -> None:
    """With the files of serving/tf_serving; the embedded server stands for the real one."""
    repository, config, port = tmp_path / "models", tmp_path / "models.config", stack.free_port()
    repository.mkdir()
    maker = [
        *(sys.executable, "-m", "serving.tf_serving", str(repository), f"--write={config}"),
        *(f"--exceptions={FOLDER / 'exceptions.config'}", "--follow"),
    ]
    path = put_on_path(tmp_path / "bin", f'exec {EMBEDDED} "$@"')
    server = ["bash", str(FOLDER / "entrypoint.sh"), f"--port={port}"]
    with stack.process(maker):
        stack.wait_until(config.exists, "the first configuration")
        with (
            stack.process(server, TF_SERVING_MODELS_CONFIG=str(config), **path) as running,
            grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            assert is_healthy(channel, running)
            write_version(repository / "late", 7)

            def answers() -> bool:
                try:
                    return answer(channel, request(model="late")) == 7
                except grpc.RpcError as error:
                    return error.code() is not grpc.StatusCode.NOT_FOUND

            stack.wait_until(answers, "the model")
