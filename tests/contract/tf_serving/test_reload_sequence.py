"""The recorded life of a server: models added and removed, labels, policies, versions on disk."""

import shutil
from pathlib import Path

import grpc
import pytest
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2

from tests.contract.tf_serving import recorded
from tests.contract.tf_serving.conftest import Serve
from tests.contract.tf_serving.in_order import play, wait_for_status
from tests.contract.tf_serving.recorded import Case, Outcome
from tests.contract.tf_serving.saved_models import write_warmup


@pytest.fixture
def unhurried_models(models: Path, tmp_path: Path) -> Path:
    """Give versions that must be met while they load something to do before they are available."""
    folder = tmp_path / "models"
    shutil.copytree(models, folder)
    for version in ("00000123", "00000124"):
        directory = folder / "saved_model_half_plus_two_2_versions" / version
        write_warmup(directory, [request_for_halves(2_000_000)] * 20)
    write_warmup(folder / "slow" / "1", [request_for_slow(20_000)])
    return folder


def request_for_halves(count: int) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.inputs["x"].dtype = types_pb2.DT_FLOAT
    request.inputs["x"].tensor_shape.dim.add(size=count)
    return request


def request_for_slow(rounds: int) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.inputs["n"].dtype = types_pb2.DT_INT32
    request.inputs["n"].tensor_shape.dim.add(size=1)
    request.inputs["n"].int_val.append(rounds)
    request.inputs["x"].dtype = types_pb2.DT_FLOAT
    request.inputs["x"].tensor_shape.dim.add(size=1)
    request.inputs["x"].float_val.append(1.0)
    return request


def publish(version: Path, base_path: Path) -> None:
    """Copy beside the base path, then rename: no poll meets half a version."""
    copy = base_path.with_name(f"copy-of-{version.name}")
    shutil.copytree(version, copy)
    base_path.mkdir(exist_ok=True)
    copy.rename(base_path / version.name)


def test_the_recorded_life_of_a_server(serve: Serve, unhurried_models: Path) -> None:
    models = unhurried_models
    cases = {case["id"]: case for case in recorded.read("reload_sequence", models)}
    # Recorded with more work on a faster graph; it must only outlast the calls beside it.
    cases["slow_in_flight_during_unload"]["request"]["inputs"]["n"]["int_val"] = [20_000]
    multi, live = models / "multi", models / "live"
    with serve(models) as channel:
        in_flight: dict[str, grpc.Future] = {}

        def unload_version_1_while_it_answers() -> None:
            one_available = {
                **cases["status_slow_v1_unloaded"],
                "id": "both versions of slow",
                "response": {
                    "model_version_status": [
                        {"version": version, "state": "AVAILABLE", "status": {}}
                        for version in ("2", "1")
                    ]
                },
            }
            wait_for_status(channel, one_available)
            for name in ("slow_in_flight_during_unload", "drop_slow_v1"):
                in_flight[name] = recorded.start(channel, cases[name])

        def answer_of_call_in_flight(_: grpc.Channel, case: Case) -> Outcome:
            return recorded.outcome(in_flight[case["id"]], case)

        play(
            channel,
            list(cases.values()),
            before={
                "add_live": lambda: publish(multi / "1", live),
                "status_live_v2_arrived": lambda: publish(multi / "2", live),
                "status_live_v2_deleted_from_disk": lambda: shutil.rmtree(live / "2"),
                "status_live_all_deleted": lambda: shutil.rmtree(live / "1"),
                "status_slow_v1_unloading": unload_version_1_while_it_answers,
            },
            special={
                "slow_in_flight_during_unload": answer_of_call_in_flight,
                "drop_slow_v1": answer_of_call_in_flight,
            },
        )
