"""The images' install steps, replayed: what they install is enough, and no more than enough."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from serving.models import MODELS
from tests import stack
from tests.containers.replay import Image, build
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening


@pytest.fixture(scope="module")
def gateway_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build(
        stack.ROOT / "serving" / "gateway" / "Dockerfile", tmp_path_factory.mktemp("gateway")
    )


@pytest.fixture(scope="module")
def container(gateway_image: Image) -> Iterator[dict[str, str]]:
    """The environment of a container that runs; it listens on ports of its own."""
    with listening(declared_models()) as model_server:
        environment = {
            **gateway_image.environment,
            "HOME": "/nonexistent",
            "TFGATE_HOST": "127.0.0.1",
            "TFGATE_PORT": str(stack.free_port()),
            "TFGATE_METRICS_PORT": str(stack.free_port()),
            "TFGATE_MODEL_SERVER": model_server,
            "TFGATE_DRAIN_SECONDS": "0",
        }
        with running(gateway_image, environment):
            stack.wait_until_ready(f"http://127.0.0.1:{environment['TFGATE_PORT']}")
            yield environment


@contextmanager
def running(image: Image, environment: dict[str, str]) -> Iterator[None]:
    command = [program(image, environment), *image.entrypoint[1:]]
    process = subprocess.Popen(command, env=environment, cwd=image.root)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(stack.STOP_SECONDS) == 0


def program(image: Image, environment: dict[str, str]) -> str:
    """Return the path of the entrypoint's program: this process has another PATH."""
    folder = environment["PATH"].split(":")[0]
    return f"{folder}/{image.entrypoint[0]}"


def packages(image: Image) -> set[str]:
    (site,) = image.root.glob("opt/*/lib/python3.*/site-packages")
    return {path.name for path in site.iterdir()}


def test_the_gateway_has_no_tensorflow_and_no_installer(gateway_image: Image) -> None:
    installed = packages(gateway_image)

    assert {"serving", "tfgate", "grpc"} <= installed
    assert installed.isdisjoint({"tensorflow", "keras", "tensorflow_serving", "locust", "pip"})


def test_the_gateway_predicts(container: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{container['TFGATE_PORT']}"
    for name, model in MODELS.items():
        answer = httpx.post(f"{url}/predict/{name}", json=model.example.model_dump(mode="json"))

        assert answer.status_code == 200
        assert answer.json()["model"] == name


def test_the_gateways_metrics_have_a_port_of_their_own(container: dict[str, str]) -> None:
    public, private = container["TFGATE_PORT"], container["TFGATE_METRICS_PORT"]

    assert "tfgate_" in httpx.get(f"http://127.0.0.1:{private}/metrics").text
    assert httpx.get(f"http://127.0.0.1:{public}/metrics").status_code == 404


def test_it_makes_the_model_servers_configuration(
    container: dict[str, str], gateway_image: Image, tmp_path: Path
) -> None:
    python = program(gateway_image, container)
    command = [python, "-m", "serving.tf_serving", f"{stack.ROOT}/models", "--write=c"]

    subprocess.run(command, env=container, cwd=tmp_path, check=True, timeout=30)

    assert all(f'name: "{model}"' in (tmp_path / "c").read_text() for model in MODELS)


def test_the_health_check_passes_and_fails(gateway_image: Image, container: dict[str, str]) -> None:
    command = gateway_image.stage.only("HEALTHCHECK").words
    command = [program(gateway_image, container), *command[1:]]
    elsewhere = {**container, "TFGATE_PORT": str(stack.free_port())}

    assert subprocess.run(command, env=container, timeout=30, check=False).returncode == 0
    assert (
        subprocess.run(
            command, env=elsewhere, timeout=30, check=False, capture_output=True
        ).returncode
        == 1
    )


def test_nothing_is_written_into_the_image(gateway_image: Image, container: dict[str, str]) -> None:
    before = _files(gateway_image.root)
    url = f"http://127.0.0.1:{container['TFGATE_PORT']}"

    for path in ("/", "/docs", "/models", "/openapi.json"):
        assert httpx.get(f"{url}{path}", follow_redirects=True).is_success

    assert _files(gateway_image.root) == before


def test_it_refuses_to_be_open_to_all_by_mistake(gateway_image: Image) -> None:
    environment = {**gateway_image.environment, "HOME": "/nonexistent"}
    command = [program(gateway_image, environment), *gateway_image.entrypoint[1:]]

    finished = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert finished.returncode != 0
    assert "tfgate keys create" in finished.stderr


def test_locust_finds_its_users(tmp_path: Path) -> None:
    image = build(stack.ROOT / "tfgate" / "loadtest" / "Dockerfile", tmp_path)
    environment = {**image.environment, "HOME": str(tmp_path / "home")}
    command = [program(image, environment), *image.entrypoint[1:], "--list"]

    finished = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert finished.returncode == 0, finished.stderr
    assert "Caller" in finished.stdout


def _files(root: Path) -> dict[Path, float]:
    return {path: path.stat().st_mtime for path in root.rglob("*")}
