from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from tests.contract.tf_serving.servers import embedded_server
from tests.serving.embedded.numbered import answer, request, write_version


def configure(channel: grpc.Channel, base_path: Path, **labels: int) -> None:
    assigned = " ".join(
        f'version_labels {{ key: "{label}" value: {version} }}' for label, version in labels.items()
    )
    message = model_management_pb2.ReloadConfigRequest()
    text_format.Parse(
        f'model_config_list {{ config {{ name: "default" base_path: "{base_path}" '
        f'model_platform: "tensorflow" model_version_policy {{ all {{}} }} {assigned} }} }}',
        message.config,
    )
    model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(message, timeout=60)


def test_a_label_in_use_moves_only_to_an_available_version(tmp_path: Path) -> None:
    write_version(tmp_path, 1)
    flags = [
        f"--model_base_path={tmp_path}",
        "--allow_version_labels_for_unavailable_models=true",
    ]
    with embedded_server(*flags) as channel:
        configure(channel, tmp_path, stable=1, next=9)
        with pytest.raises(grpc.RpcError, match=r"Specific\(default, 9\)"):
            answer(channel, request(label="next"))
        with pytest.raises(grpc.RpcError, match="version 9 of model default, which is not"):
            configure(channel, tmp_path, stable=9)
        assert answer(channel, request(label="stable")) == 1


def test_without_any_configuration_labels_are_unavailable(tmp_path: Path) -> None:
    empty = tmp_path / "models.config"
    empty.write_text("# no model yet\n")
    with (
        embedded_server(f"--model_config_file={empty}") as channel,
        pytest.raises(grpc.RpcError) as failure,
    ):
        answer(channel, request(label="stable"))
    assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
    assert failure.value.details() == "Model labels does not init yet.stable"
