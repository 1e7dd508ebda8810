"""The model server's pods agree with serving/tf_serving: its files, its flags, how it goes."""

import re
import subprocess
import sys
from pathlib import Path

from bench.stack import MODELS_FOLDER
from serving.gateway.inference.operating_point import FIRST_CALLS
from serving.models import MODELS
from serving.tf_serving.model_config import NUM_VERSIONS
from tests.k8s.cluster import OVERLAYS, Cluster, Manifest, cluster, environment, in_every_overlay
from tests.programs import needs
from tests.stack import ROOT

pytestmark = needs("kubectl", package="kubernetes-client")

CONFIGURATION = ROOT / "serving/tf_serving"
# How much older than its age a connection may become, as gRPC spreads them out.
JITTER = 1.1
# CoreDNS lets its answers for services be kept for that long.
DNS_SECONDS = 5


def container(applied: Cluster) -> Manifest:
    found: Manifest = applied.pod("model-server").spec["containers"][0]
    return found


def sidecar(applied: Cluster) -> Manifest:
    found: Manifest = applied.pod("model-server").spec["initContainers"][0]
    return found


def flags() -> dict[str, str]:
    """Return the flags that the entrypoint gives, whatever comes after an equals sign."""
    script = (CONFIGURATION / "entrypoint.sh").read_text()
    return dict(re.findall(r"^\s+--(\w+)=(\S+)$", script, re.MULTILINE))


@in_every_overlay
def test_its_configuration_is_the_one_of_docker_compose(applied: Cluster) -> None:
    volumes = {each["name"]: each for each in applied.pod("model-server").spec["volumes"]}
    mounts = {
        each["mountPath"]: volumes[each["name"]] for each in container(applied)["volumeMounts"]
    }
    shell, script = container(applied)["command"]
    folder, _, name = script.rpartition("/")
    assert shell == "/bin/bash"
    data = applied.named("ConfigMap", mounts[folder]["configMap"]["name"])["data"]
    assert data[name] == (CONFIGURATION / name).read_text()
    for file, content in data.items():
        assert content == (CONFIGURATION / file).read_text()


@in_every_overlay
def test_ports_are_those_on_which_it_listens(applied: Cluster) -> None:
    given = flags()
    assert applied.pod("model-server").ports == {
        "grpc": int(given["port"]),
        "rest": int(given["rest_api_port"]),
    }


@in_every_overlay
def test_it_answers_the_probes(applied: Cluster) -> None:
    given = flags()
    assert given["enable_grpc_healthcheck_service"] == "true"
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        # Its health service knows the empty name.
        assert container(applied)[kind]["grpc"] == {"port": int(given["port"])}


@in_every_overlay
def test_metrics_are_scraped_where_they_are(applied: Cluster) -> None:
    endpoint = applied.named("ServiceMonitor", "model-server")["spec"]["endpoints"][0]
    assert f'path: "{endpoint["path"]}"' in (CONFIGURATION / "monitoring.config").read_text()


@in_every_overlay
def test_models_are_mounted_where_it_looks(applied: Cluster) -> None:
    # It looks where the sidecar tells it, which writes the paths as they are in its own container.
    repository = sidecar(applied)["command"][3]
    for each in (container(applied), sidecar(applied)):
        [mount] = [each for each in each["volumeMounts"] if each["mountPath"] == repository]
        assert mount == {"name": "models", "mountPath": repository, "readOnly": True}


@in_every_overlay
def test_the_sidecar_writes_the_file_that_the_server_reads(applied: Cluster) -> None:
    [read] = re.findall(r"^\"\$\{TF_SERVING_MODELS_CONFIG:-(.+)\}\"$", flags()["model_config_file"])
    folder = read.rpartition("/")[0]
    [ours] = [each for each in container(applied)["volumeMounts"] if each["mountPath"] == folder]
    [its] = [each for each in sidecar(applied)["volumeMounts"] if each["mountPath"] == folder]
    assert its["name"] == ours["name"]
    assert ours["readOnly"]
    assert "readOnly" not in its
    assert f"--write={read}" in sidecar(applied)["command"]
    # It is there before the server starts, and stays as long as the server does.
    assert sidecar(applied)["startupProbe"]["exec"]["command"] == ["test", "-e", read]
    assert sidecar(applied)["restartPolicy"] == "Always"


def test_the_sidecars_command_makes_a_file(tmp_path: Path) -> None:
    """Run here, with the folders of this machine in the place of those mounted."""
    places = {"/models": MODELS_FOLDER, "/run/models": tmp_path, "/etc/tf-serving": CONFIGURATION}
    python, *words = sidecar(cluster("overlays/cpu"))["command"]
    for place, here in places.items():
        words = [re.sub(rf"(^|=){place}(?=/|$)", rf"\g<1>{here}", word) for word in words]
    assert python == "python"
    words.remove("--follow")
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, timeout=60)  # no release yet
    text = (tmp_path / "models.config").read_text()
    assert set(re.findall(r'name: "(\w+)"', text)) == set(MODELS)


@in_every_overlay
def test_nobody_is_connected_any_more_when_it_is_told_to_stop(applied: Cluster) -> None:
    argument, _, age = flags()["grpc_channel_arguments"].partition("=")
    assert argument == "grpc.max_connection_age_ms"
    variables = environment(applied.pod("gateway").containers[0])
    longest = float(variables["TFGATE_PREDICT_TIMEOUT_SECONDS"])
    asleep = container(applied)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert asleep >= int(age) / 1000 * JITTER + DNS_SECONDS + longest
    assert applied.pod("model-server").spec["terminationGracePeriodSeconds"] > asleep + longest


@in_every_overlay
def test_it_takes_the_calls_of_as_many_gateways_as_there_may_be(applied: Cluster) -> None:
    # One more than the autoscaler wants, while an old one goes.
    gateways = applied.named("HorizontalPodAutoscaler", "gateway")["spec"]["maxReplicas"] + 1
    # More are chosen only while that pays; whoever is refused any falls back.
    calls = FIRST_CALLS * len(MODELS) * NUM_VERSIONS
    assert gateways * calls <= int(flags()["grpc_max_threads"])


def test_batching_is_as_one_of_the_files_says() -> None:
    kinds = {
        kind
        for overlay in OVERLAYS
        if (kind := environment(container(cluster(overlay))).get("TF_SERVING_BATCHING"))
    }
    assert kinds == {"gpu"}
    assert all((CONFIGURATION / f"batching-{kind}.config").is_file() for kind in kinds)
