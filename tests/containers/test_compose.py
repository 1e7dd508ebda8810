"""docker-compose.yml: what Compose's own schema says of it, and what no schema can know."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from serving.gateway.settings import Settings
from serving.models import MODELS
from tests.containers.compose import (
    CPU,
    GPU,
    PROFILES,
    config,
    image_of,
    mounts,
    seconds,
    services,
)
from tests.programs import needs
from tests.schemas import wrongs_by_schema
from tests.stack import ROOT

SERVICES = services()
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

# Of the images that are not ours, as their publishers describe them.
GRAFANA_SECTIONS = {
    "analytics",
    "auth",
    "auth_anonymous",
    "auth_basic",
    "dashboards",
    "log",
    "security",
}

OTHERS = {"alertmanager", "grafana", "prometheus"}

docker_compose = needs("docker-compose", package="docker-compose")


@docker_compose
@pytest.mark.parametrize("files", [CPU, GPU], ids=["cpu", "gpu"])
def test_compose_accepts_it(files: list[str]) -> None:
    for profiles in ((), *((profile,) for profile in PROFILES), PROFILES):
        assert set(config(files, *profiles)["services"]) == set(SERVICES), profiles


def test_todays_specification_knows_every_word(tmp_path: Path) -> None:
    misspelt = tmp_path / "misspelt.yml"
    misspelt.write_text((ROOT / CPU[0]).read_text().replace("    image:", "    imag:"))

    assert wrongs_by_schema("compose-spec", *(ROOT / file for file in GPU)) == []
    assert any("imag" in wrong for wrong in wrongs_by_schema("compose-spec", misspelt))


@docker_compose
def test_on_a_gpu_the_same_server_is_another(entrypoint_variables: set[str]) -> None:
    server = config(GPU)["services"]["model-server"]
    (device,) = server["deploy"]["resources"]["reservations"]["devices"]
    batching = server["environment"]["TF_SERVING_BATCHING"]

    assert server["image"] == SERVICES["model-server"]["image"] + "-gpu"
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert "TF_SERVING_BATCHING" in entrypoint_variables
    assert (ROOT / "serving" / "tf_serving" / f"batching-{batching}.config").is_file()
    assert server["read_only"]


def test_bfloat16_is_a_word_to_the_entrypoint(entrypoint_variables: set[str]) -> None:
    name = "TF_SERVING_MIXED_PRECISION"

    assert SERVICES["model-server"]["environment"] == {name: f"${{{name}:-}}"}
    assert name in entrypoint_variables


def test_a_container_can_do_little() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert "/tmp" in service["tmpfs"], name  # noqa: S108  # a mount, and no file of ours
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "memory" in service["deploy"]["resources"]["limits"], name


def test_no_container_of_ours_runs_as_root() -> None:
    for name in SERVICES.keys() - OTHERS:
        service, image = SERVICES[name], image_of(SERVICES[name])
        user = service.get("user") or (image and image.only("USER").text)
        user = re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(user))

        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), name


def test_containers_of_others_run_as_their_images_say() -> None:
    for name in OTHERS:
        assert "user" not in SERVICES[name], name  # theirs are nobody and grafana


def test_what_is_published_is_published_on_loopback() -> None:
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    expected = {
        "gateway": [8000, int(SERVICES["gateway"]["environment"]["TFGATE_GRPC_PORT"])],
        "load": [8089],
        "alertmanager": [9093],
        "grafana": [3000],
        "prometheus": [9090],
    }

    assert published == {
        name: [f"127.0.0.1:{port}:{port}" for port in ports] for name, ports in expected.items()
    }


def test_what_is_mounted_exists() -> None:
    paths = [path for service in SERVICES.values() for path in mounts(service).values()]

    assert [path for path in paths if not path.exists()] == []


def test_services_start_after_what_they_need_is_healthy() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            image = image_of(SERVICES[needed])

            assert how == {"condition": "service_healthy"}, name
            assert "healthcheck" in SERVICES[needed] or (image and image.all("HEALTHCHECK")), name
            assert "profiles" not in SERVICES[needed], name


def test_models_are_served_before_the_gateway_asks_and_the_gateway_before_its_users() -> None:
    needs_of = {name: set(service.get("depends_on", {})) for name, service in SERVICES.items()}

    assert needs_of["model-server"] == {"models-config"}
    assert needs_of["gateway"] == {"model-server"}
    assert needs_of["load"] == {"gateway"}
    assert needs_of["grafana"] == {"prometheus"}


def test_what_serves_comes_back_and_what_ends_stays_ended() -> None:
    ends = {"train", "load"}
    for name, service in SERVICES.items():
        assert service["restart"] == ("no" if name in ends else "unless-stopped")


def test_no_secret_is_in_it() -> None:
    secret = re.compile("PASSWORD|SECRET_|TOKEN|_KEY$|KEYS$")

    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            # What the environment of the command has may be passed on.
            assert not secret.search(variable) or value == f"${{{variable}:-}}", name


def test_the_gateways_variables_are_settings() -> None:
    names = {name.removeprefix("TFGATE_").lower() for name in SERVICES["gateway"]["environment"]}

    assert names <= set(Settings.model_fields)


def test_grafanas_variables_name_sections_of_its_configuration() -> None:
    for name in SERVICES["grafana"]["environment"]:
        key = name.removeprefix("GF_").lower()
        assert any(key.startswith(f"{section}_") for section in GRAFANA_SECTIONS)


def test_the_gateway_has_time_to_stop() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    needed = defaults["drain_seconds"] + defaults["shutdown_grace_seconds"] + 5

    assert seconds(SERVICES["gateway"]["stop_grace_period"]) >= needed


def test_everybody_asks_where_the_model_server_listens(flags: dict[str, str]) -> None:
    health = " ".join(SERVICES["model-server"]["healthcheck"]["test"])

    assert SERVICES["gateway"]["environment"]["TFGATE_MODEL_SERVER"] == (
        f"dns:///model-server:{flags['port']}"
    )
    assert f"/{flags['port']}" in health


def test_prometheus_scrapes_services_where_they_answer(flags: dict[str, str]) -> None:
    scraped = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text())
    targets = {
        target
        for job in scraped["scrape_configs"]
        for static in job["static_configs"]
        for target in static["targets"]
    }
    gateway = image_of(SERVICES["gateway"])
    assert gateway is not None

    assert targets == {
        f"gateway:{gateway.environment['TFGATE_METRICS_PORT']}",
        f"model-server:{flags['rest_api_port']}",
    }


def test_prometheus_sends_alerts_where_they_are_taken() -> None:
    alerting = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text())["alerting"]
    [manager] = alerting["alertmanagers"]
    service = SERVICES["alertmanager"]
    [port] = [each.rpartition(":")[2] for each in service["ports"]]
    mounted = mounts(service)["/etc/alertmanager/alertmanager.yml"]

    assert manager["static_configs"] == [{"targets": [f"alertmanager:{port}"]}]
    assert "--config.file=/etc/alertmanager/alertmanager.yml" in service["command"]
    assert mounted == ROOT / "monitoring" / "alertmanager.yml"


def test_prometheus_finds_its_rules() -> None:
    mounted = mounts(SERVICES["prometheus"])
    file = Path("/etc/prometheus/prometheus.yml")
    rules = yaml.safe_load(mounted[str(file)].read_text())["rule_files"]

    assert f"--config.file={file}" in SERVICES["prometheus"]["command"]
    assert {str((file.parent / pattern).parent) for pattern in rules} <= set(mounted)


def test_grafana_finds_its_dashboards() -> None:
    mounted = mounts(SERVICES["grafana"])
    provisioning = mounted["/etc/grafana/provisioning"]
    paths = [
        provider["options"]["path"]
        for file in (provisioning / "dashboards").iterdir()
        for provider in yaml.safe_load(file.read_text())["providers"]
    ]
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])

    assert paths
    assert set(paths) <= set(mounted)
    assert (mounted[str(home.parent)] / home.name).is_file()


def test_the_model_server_reads_what_is_made_of_the_repository(flags: dict[str, str]) -> None:
    maker, server = SERVICES["models-config"], SERVICES["model-server"]
    [read] = re.findall(r'^"\$\{TF_SERVING_MODELS_CONFIG:-(.+)\}"$', flags["model_config_file"])
    folder = read.rpartition("/")[0]

    assert maker["image"] == SERVICES["gateway"]["image"]
    assert f"--write={read}" in maker["entrypoint"]
    assert maker["healthcheck"]["test"] == ["CMD", "test", "-e", read]
    assert f"models-config:{folder}" in maker["volumes"]
    assert f"models-config:{folder}:ro" in server["volumes"]
    # The paths that it writes are those of its own container.
    assert (
        mounts(maker)["/etc/tfgate/releases"]
        == mounts(SERVICES["gateway"])[SERVICES["gateway"]["environment"]["TFGATE_RELEASES"]]
    )
    for volume in ("./models:/models:ro", "./serving/tf_serving:/etc/tf-serving:ro"):
        assert volume in maker["volumes"]
        assert volume in server["volumes"]


def test_what_makes_the_configuration_runs_with_its_options(tmp_path: Path) -> None:
    """Run here, with the folders of this machine in the place of those mounted."""
    places = {**mounts(SERVICES["models-config"]), "/run/models": tmp_path}
    python, *words = SERVICES["models-config"]["entrypoint"]
    for place, here in places.items():
        words = [re.sub(rf"(^|=){place}(?=/|$)", rf"\g<1>{here}", word) for word in words]

    assert python == "python"
    words.remove("--follow")
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, timeout=60)

    text = (tmp_path / "models.config").read_text()
    assert set(re.findall(r'name: "(\w+)"', text)) == set(MODELS)


def test_training_writes_what_the_server_reads() -> None:
    server, train = SERVICES["model-server"], SERVICES["train"]
    image = image_of(train)
    assert image is not None

    assert "./models:/models:ro" in server["volumes"]
    assert "./models:/models" in train["volumes"]
    assert image.only("ENTRYPOINT").words[-2:] == ["--repository", "/models"]


def test_our_images_have_the_projects_version() -> None:
    for service in SERVICES.values():
        if "build" in service:
            assert re.fullmatch(rf"tfgate/[a-z]+:{VERSION}", service["image"])


@pytest.fixture(scope="module")
def entrypoint_variables() -> set[str]:
    text = (ROOT / "serving" / "tf_serving" / "entrypoint.sh").read_text()
    return set(re.findall(r"\$\{?([A-Z_]+)", text))


@pytest.fixture(scope="module")
def flags() -> dict[str, str]:
    """The flags with which the container would start TensorFlow Serving."""
    text = (ROOT / "serving" / "tf_serving" / "entrypoint.sh").read_text()
    return dict(re.findall(r"^  --(\w+)=(\S+)$", text, re.MULTILINE))
