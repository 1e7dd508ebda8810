"""The recorded life of a server: models added and removed, labels, policies, versions on disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2

from tests.contract.tf_serving import held, recorded, saved_models
from tests.contract.tf_serving.conftest import Serve
from tests.contract.tf_serving.in_order import play, wait_for_status
from tests.contract.tf_serving.recorded import Case, Outcome
from tests.stack import wait_until

TWO_VERSIONS = "saved_model_half_plus_two_2_versions"
PATIENCE = 600  # seconds, for calls that last until others have come to their end


@pytest.fixture
def held_models(models: Path, tmp_path: Path) -> Iterator[Path]:
    """Hold up the loading of versions that must be met while they load."""
    folder = tmp_path / "models"
    shutil.copytree(models, folder, ignore=shutil.ignore_patterns(TWO_VERSIONS, "slow"))
    versions = [folder / TWO_VERSIONS / name for name in ("00000123", "00000124")]
    for version in versions:
        held.release(version)
        saved_models.build_halves(version, loads_when_released=True)
    for name in ("1", "2"):
        versions.append(folder / "slow" / name)
        saved_models.build_slow(versions[-1])
    saved_models.write_warmup(folder / "slow" / "1", [request_until_released()])
    yield folder
    for version in versions:
        held.release(version)


def request_until_released() -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.inputs["n"].dtype = types_pb2.DT_INT32
    request.inputs["n"].tensor_shape.dim.add(size=1)
    request.inputs["n"].int_val.append(held.UNTIL_RELEASED)
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


def test_the_recorded_life_of_a_server(serve: Serve, held_models: Path) -> None:
    models = held_models
    cases = {case["id"]: case for case in recorded.read("reload_sequence", models)}
    cases["slow_in_flight_during_unload"] = recorded.until_released(
        cases["slow_in_flight_during_unload"]
    )
    multi, live, slow_1 = models / "multi", models / "live", models / "slow" / "1"
    halves_123, halves_124 = (models / TWO_VERSIONS / name for name in ("00000123", "00000124"))
    with serve(models) as channel:
        in_flight: dict[str, grpc.Future] = {}

        def unload_version_1_while_it_answers() -> None:
            held.release(slow_1)
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
            held.hold(slow_1)
            call, drop = "slow_in_flight_during_unload", "drop_slow_v1"
            in_flight[call] = recorded.start(channel, cases[call], timeout=PATIENCE)
            # Else the server might take them the other way around.
            wait_until(lambda: held.has_begun(slow_1), f"the server to begin with {call}")
            in_flight[drop] = recorded.start(channel, cases[drop], timeout=PATIENCE)

        def answer_of_call_in_flight(_: grpc.Channel, case: Case) -> Outcome:
            return recorded.outcome(in_flight[case["id"]], case)

        play(
            channel,
            list(cases.values()),
            before={
                "add_hp2v": lambda: held.hold(halves_123),
                "status_hp2v_123_dropped": lambda: held.release(halves_123),
                "add_hp2v_back": lambda: held.hold(halves_123),
                "duplicate_names": lambda: held.release(halves_123),
                "change_base_path": lambda: held.hold(halves_124),
                "restore_base_path": lambda: held.release(halves_124),
                "add_live": lambda: publish(multi / "1", live),
                "status_live_v2_arrived": lambda: publish(multi / "2", live),
                "status_live_v2_deleted_from_disk": lambda: shutil.rmtree(live / "2"),
                "status_live_all_deleted": lambda: shutil.rmtree(live / "1"),
                "status_slow_v1_unloading": unload_version_1_while_it_answers,
                "slow_in_flight_during_unload": lambda: held.release(slow_1),
            },
            special={
                "slow_in_flight_during_unload": answer_of_call_in_flight,
                "drop_slow_v1": answer_of_call_in_flight,
            },
        )
