"""Which models there are: typed ones, names that are given, and names that are learned."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from proto.status_pb2 import ModelVersionStatus
from serving.contract import Signature, TensorSpec
from serving.gateway.inference import registry
from serving.gateway.inference.models_config import WrongModelsConfig, kept
from serving.gateway.inference.registry import Registry
from serving.models import MODELS
from tests.fake_model_server import (
    DEFAULT_SIGNATURE,
    FakeModelServer,
    FakeSignature,
    FakeVersion,
)
from tests.fake_models import declared_models
from tests.in_process import Gateway, gateway, reading

LINE = Signature({"x": TensorSpec("float32")}, {"y": TensorSpec("float32")})


def line() -> FakeVersion:
    signature = FakeSignature(LINE, lambda tensors: {"y": tensors["x"] / 2 + 2})
    return FakeVersion({DEFAULT_SIGNATURE: signature})


def config_of(*names: str) -> str:
    models = " ".join(f'config {{ name: "{name}" base_path: "/m/{name}" }}' for name in names)
    return f"model_config_list {{ {models} }}"


def labels() -> set[str]:
    """Return the names of models in any metric."""
    return {
        sample.labels["model"]
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if "model" in sample.labels
    }


def status_of(tfgate: Gateway, model: str) -> int:
    return tfgate.client.get(f"/readyz/{model}").status_code


def test_a_name_is_learned_when_it_is_asked_for() -> None:
    server = declared_models()
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        assert status_of(tfgate, "learned") == 404

        server.models["learned"] = {1: line()}

        assert status_of(tfgate, "learned") == 200
        assert tfgate.client.get("/readyz").json() == {"status": "ready", "missing": {}}


@pytest.mark.parametrize("name", ["invented", "x" * 300, "%00", "a%0Ab"])
def test_what_clients_invent_leaves_nothing_behind(name: str) -> None:
    with gateway() as tfgate:
        before = labels()
        for number in range(5):
            assert status_of(tfgate, f"{name}{number}") == 404
        assert labels() == before


def test_models_are_those_of_the_model_servers_own_list(tmp_path: Path) -> None:
    file = tmp_path / "models.config"
    file.write_text(config_of("housing", "listed"))
    server = declared_models()
    server.models.update({name: {1: line()} for name in ("listed", "unlisted", "late")})
    with gateway(server, models_config=file) as tfgate:
        assert status_of(tfgate, "listed") == 200
        assert status_of(tfgate, "unlisted") == status_of(tfgate, "sentiment") == 404
        assert tfgate.client.post("/predict/sentiment", json={"text": "good"}).status_code == 404

        file.write_text(config_of("housing", "late"))

        tfgate.wait_until(lambda: status_of(tfgate, "late") == 200, "what is listed now")
        assert status_of(tfgate, "listed") == 404
        assert "listed" not in labels()


def test_what_the_list_says_of_a_model_follows_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_POLL_SECONDS", 0)
    file = tmp_path / "models.config"
    file.write_text(config_of("listed"))
    nobody: Any = None  # is asked for anything
    listing = Registry({}, (), nobody, lambda _name, _typed: nobody, config=file)
    assert kept(listing.configs["listed"], [1, 2, 3]) == {3}

    async def follow() -> None:
        following = asyncio.create_task(listing.follow_config())
        while kept(listing.configs["listed"], [1, 2, 3]) != {2, 3}:
            await asyncio.sleep(0)
        following.cancel()

    two = "model_version_policy { latest { num_versions: 2 } }"
    file.write_text(f'model_config_list {{ config {{ name: "listed" {two} }} }}')
    asyncio.run(follow())


@pytest.mark.parametrize(
    "spoil",
    [
        *(lambda _: "nonsense {", lambda _: "", lambda text: text[:40]),
        *(lambda _: "model_config_list {}", lambda text: text[:30], lambda _: "\xff"),
    ],
)
def test_a_spoilt_list_changes_nothing(
    tmp_path: Path, spoil: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "models.config"
    file.write_text(config_of("housing", "listed"))
    server = declared_models()
    server.models.update({name: {1: line()} for name in ("listed", "late")})
    with gateway(server, models_config=file) as tfgate:
        file.write_text(spoil(config_of("housing", "listed")))
        tfgate.wait_until(lambda: "from before go on to count" in caplog.text, "a look at it")
        assert status_of(tfgate, "listed") == 200
        file.write_text(config_of("late"))
        tfgate.wait_until(lambda: status_of(tfgate, "late") == 200, "what is listed now")


@pytest.mark.parametrize("text", ["", "# no model yet", "model_config_list {}"])
def test_a_list_that_is_empty_at_the_start_is_waited_for(tmp_path: Path, text: str) -> None:
    file = tmp_path / "models.config"
    file.write_text(text)
    server = declared_models()
    server.models["first"] = {1: line()}
    with gateway(server, models_config=file) as tfgate:
        refused = tfgate.client.get("/readyz")
        assert (refused.status_code, refused.json()["code"]) == (503, "model-unavailable")
        assert "models.config lists no model" in refused.json()["detail"]
        assert tfgate.client.get("/v2/health/ready").status_code == 503
        assert status_of(tfgate, "first") == 404

        file.write_text(config_of("first"))

        tfgate.wait_until(lambda: status_of(tfgate, "first") == 200, "what is listed now")
        assert tfgate.client.get("/readyz").json() == {"status": "ready", "missing": {}}


def test_a_model_that_is_required_and_not_listed_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "models.config"
    file.write_text(config_of("listed"))
    server = declared_models()
    server.models.update({name: {1: line()} for name in ("listed", "wanted")})
    with gateway(server, models_config=file, required_models="wanted") as tfgate:
        assert status_of(tfgate, "listed") == 200
        assert tfgate.client.get("/readyz").status_code == 503
        assert tfgate.missing() == {"wanted": "models.config does not list it"}

        file.write_text(config_of("listed", "wanted"))

        tfgate.wait_until(lambda: tfgate.client.get("/readyz").is_success, "what is listed now")


def test_a_spoilt_list_at_the_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "models.config").write_text("nonsense {")
    with (
        pytest.raises(WrongModelsConfig, match=r"models\.config is no models\.config"),
        gateway(FakeModelServer({}), models_config=tmp_path / "models.config"),
    ):
        pass


def test_nobody_may_ask_what_is_neither_typed_nor_named() -> None:
    server = declared_models()
    server.models.update({name: {1: line()} for name in ("named", "other")})
    with gateway(server, generic_models="named") as tfgate:
        assert status_of(tfgate, "named") == 200
        assert status_of(tfgate, "other") == 404
        assert all(status_of(tfgate, name) == 200 for name in MODELS)


def is_expected(model: str) -> bool:
    return reading("tfgate_model_expected", model=model) == 1


def test_nobody_misses_a_declared_model_that_was_never_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "tfgate.models")
    server = FakeModelServer({"image": declared_models().models["image"], "learned": {1: line()}})
    with gateway(server, required_models="housing") as tfgate:
        assert status_of(tfgate, "learned") == 200
        tfgate.wait_until(lambda: is_expected("image"), "a look at the models")

        assert [is_expected(name) for name in ("housing", "learned", "sentiment")] == [
            *(True, True, False)
        ]
        server.models.pop("image")
        tfgate.wait_until(lambda: reading("tfgate_model_ready", model="image") == 0, "its end")
        assert is_expected("image")
    told = {record.getMessage(): record.levelname for record in caplog.records}
    levels = {
        model: told[
            f"{model} cannot be asked: no version is available: the model server knows of none"
        ]
        for model in ("housing", "sentiment", "image")
    }
    assert levels == {"housing": "WARNING", "sentiment": "INFO", "image": "WARNING"}


def test_the_log_says_once_that_a_model_can_be_asked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tfgate.models")
    server = declared_models()
    server.models["housing"][1].state = ModelVersionStatus.LOADING
    with gateway(server) as tfgate:
        tfgate.wait_until(lambda: "housing cannot be asked" in caplog.text, "the first look")
        server.models["housing"][1].state = ModelVersionStatus.AVAILABLE
        tfgate.wait_until(lambda: "housing can be asked" in caplog.text, "its version")
        assert "again" not in caplog.text


def test_a_name_whose_versions_were_all_withdrawn_is_not_learned() -> None:
    """TensorFlow Serving tells of them as long as it runs."""
    server = declared_models()
    server.models["withdrawn"] = {1: line()}
    server.models["withdrawn"][1].state = ModelVersionStatus.END
    with gateway(server) as tfgate:
        assert status_of(tfgate, "withdrawn") == 404
        assert "withdrawn" not in labels()

        server.models["withdrawn"][2] = line()

        assert status_of(tfgate, "withdrawn") == 200


@pytest.mark.parametrize("how", ["gone", "withdrawn"])
def test_a_learned_name_is_forgotten_a_while_after_its_model_has_gone(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.gateway.inference.registry._KEPT_SECONDS", 0)
    server = declared_models()
    server.models["learned"] = {1: line()}
    with gateway(server) as tfgate:
        assert status_of(tfgate, "learned") == 200
        if how == "gone":
            del server.models["learned"]
        else:
            server.models["learned"][1].state = ModelVersionStatus.END

        tfgate.wait_until(lambda: "learned" not in labels(), "its end")
        assert status_of(tfgate, "learned") == 404
