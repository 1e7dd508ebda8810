"""Below a path of nginx, configured as the documentation has it: all links can be followed."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import nginx, stack
from tests.programs import needs

pytestmark = needs("nginx", package="nginx-light")

[LOCATION, _] = re.findall(
    r"```nginx\n(.*?)```", (stack.ROOT / "docs/deploy.md").read_text(), re.DOTALL
)
CLIENT = "203.0.113.9"


@contextmanager
def nginx_before(folder: Path, gateway: str, location: str = LOCATION) -> Iterator[str]:
    """Run nginx before a gateway; yields the URL under which it shows the gateway."""
    address = f"127.0.0.1:{stack.free_port()}"
    location = location.replace("127.0.0.1:8000", gateway.removeprefix("http://"))
    nginx.configure(folder, f"server {{ listen {address}; {location} }}")
    url = f"http://{address}/tfgate"
    with stack.process(nginx.command(folder)):
        stack.wait_until_ready(url)
        yield url


def all_can_be_followed(url: str) -> None:
    """Follow what pages and problems name, as a browser would that knows this address alone."""
    with httpx.Client() as http:
        docs = http.get(f"{url}/docs")
        named = re.findall(r"""(?:href|src)="([^"]+)"|url: '([^']+)'""", docs.text)
        for path in map("".join, named):
            assert http.get(docs.url.join(path)).is_success, path
        [server] = http.get(f"{url}/openapi.json").json()["servers"]
        assert http.get(f"{docs.url.join(server['url'])}/models").is_success
        wrong = http.post(f"{url}/predict/housing", json={})
        assert wrong.url.join(wrong.json()["instance"]) == wrong.url
        meaning = http.get(wrong.url.join(wrong.json()["type"]))
        assert meaning.json()["code"] == "invalid-input"
        [path] = re.findall(r"GET (\S+)", wrong.json()["hint"])
        assert http.get(wrong.url.join(path)).json()["name"] == "housing"


def test_all_lies_below_the_prefix_that_nginx_names(model_server: str, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        settings = {"model_server": model_server, "trusted_proxies": "127.0.0.1"}
        with (
            stack.gateway_process(log, **settings) as (_, gateway),
            nginx_before(tmp_path, gateway) as url,
        ):
            all_can_be_followed(url)
            headers = {"X-Forwarded-For": CLIENT, "Forwarded": "for=6.6.6.6"}
            assert httpx.get(f"{url}/models", headers=headers).is_success

    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    told = {(line["client"], line["scheme"]) for line in lines if line.get("path") == "/models"}
    assert told == {(CLIENT, "http"), ("127.0.0.1", "http")}


@pytest.mark.parametrize("strips", [True, False])
def test_all_lies_below_the_prefix_that_is_set(
    strips: bool, model_server: str, tmp_path: Path
) -> None:
    location = LOCATION if strips else LOCATION.replace("8000/;", "8000;")
    with (
        stack.gateway(model_server, root_path="/tfgate") as gateway,
        nginx_before(tmp_path, gateway, location) as url,
    ):
        all_can_be_followed(url)
