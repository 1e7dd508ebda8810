"""What proxies tell: the path under which they show the gateway, and who asks through them."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.example_bodies import HOUSE
from tests.in_process import Gateway, gateway

ROOT = "/ml/tfgate"
PROXY = "127.0.0.1"  # whence every test asks
CLIENT = "203.0.113.9"


def line_for(capsys: pytest.CaptureFixture[str], headers: Any, **settings: Any) -> dict[str, Any]:
    """Ask once with these headers; return the line of the log."""
    with gateway(**settings) as tfgate:
        assert tfgate.client.get("/models", headers=headers).is_success
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line.get("path") == "/models"]
    found: dict[str, Any] = line
    return found


def everything_leads_below(http: httpx.Client, root: str, headers: dict[str, str]) -> None:
    """Ask for what names other paths, as a proxy asks that has cut the prefix off."""
    docs = http.get("/docs", headers=headers).text
    named = re.findall(r"""(?:href|src)="([^"]+)"|url: '([^']+)'""", docs)
    assert len(named) == 4
    for path in map("".join, named):
        assert path.startswith(f"{root}/")
        assert http.get(path.removeprefix(root), headers=headers).is_success, path

    assert http.get("/openapi.json", headers=headers).json()["servers"] == [{"url": root}]
    assert f'<base href="{root}/">' in http.get("/", headers=headers).text

    unknown = http.get("/nothing", headers=headers).json()
    assert unknown["instance"] == f"{root}/nothing"
    assert unknown["detail"] == f"nothing lives at {root}/nothing"
    assert unknown["hint"] == f"GET {root}/docs shows every path."
    wrong = http.post("/predict/housing", json={}, headers=headers).json()
    assert wrong["type"] == f"{root}/errors/invalid-input"
    assert wrong["instance"] == f"{root}/predict/housing"
    assert f"GET {root}/models/housing " in wrong["hint"]
    assert f"{root}/predict/housing" in http.get("/predict/housing", headers=headers).text
    meaning = http.get("/errors/not-found", headers=headers).json()
    assert meaning["hint"] == f"GET {root}/docs shows every path."


def test_all_that_is_told_lies_below_the_root_path() -> None:
    with gateway(root_path=ROOT) as tfgate:
        everything_leads_below(tfgate.client, ROOT, {})


def test_a_trusted_proxy_may_name_the_prefix() -> None:
    with gateway(trusted_proxies=PROXY, root_path="/elsewhere") as tfgate:
        everything_leads_below(tfgate.client, ROOT, {"X-Forwarded-Prefix": f"{ROOT}/"})
        everything_leads_below(tfgate.client, ROOT, {"X-Forwarded-Prefix": "/ml, /tfgate"})


@pytest.mark.parametrize("root", ["/models", "/predict", "/docs"])
def test_a_prefix_may_be_called_like_a_path_of_ours(root: str) -> None:
    with gateway(trusted_proxies=PROXY) as tfgate:
        everything_leads_below(tfgate.client, root, {"X-Forwarded-Prefix": root})


def test_a_proxy_may_leave_the_prefix_on() -> None:
    with gateway(root_path=f"{ROOT}/") as tfgate:
        tfgate.wait_until_ready()
        for path in (ROOT, f"{ROOT}/", f"{ROOT}/docs", f"{ROOT}/models"):
            assert tfgate.client.get(path).is_success, path
        assert tfgate.client.post(f"{ROOT}/predict/housing", json=HOUSE).is_success
        assert tfgate.client.get(f"{ROOT}beside").json()["instance"] == f"{ROOT}{ROOT}beside"


def test_what_is_shed_lies_below_the_root_path_as_well() -> None:
    with gateway(trusted_proxies=PROXY, max_requests=8) as tfgate:
        held = [tfgate.ask("/predict/housing", HOUSE, withheld=1) for _ in range(8)]
        tfgate.wait_until_inside(8)
        shed = tfgate.ask("/predict/housing", HOUSE, {"X-Forwarded-Prefix": ROOT}).response()
        for visitor in held:
            visitor.leave()

    assert shed.status_code == 429
    assert shed.json()["type"] == f"{ROOT}/errors/overloaded"
    assert shed.json()["instance"] == f"{ROOT}/predict/housing"


@pytest.mark.parametrize(
    "prefix",
    [
        *("", "/", "tfgate", "//evil.example", "/a/../b", "/..", "/a b", '/"><script>', "/ä"),
        *("/x" * 101, "https://evil.example", "/a\\b", "/a//b", "/.", "/a, evil", "/a?b", "/a,"),
    ],
)
def test_a_prefix_that_is_none_is_ignored(prefix: str) -> None:
    headers = {"X-Forwarded-Prefix": prefix.encode()}
    with gateway(trusted_proxies=PROXY, root_path=ROOT) as tfgate:
        problem = tfgate.client.get("/nothing", headers=headers).json()  # type: ignore[arg-type]

    assert problem["instance"] == f"{ROOT}/nothing"


def test_nobody_is_believed_who_is_not_trusted(capsys: pytest.CaptureFixture[str]) -> None:
    headers = {
        "X-Forwarded-For": CLIENT,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": ROOT,
        "Forwarded": f"for={CLIENT}",
    }
    line = line_for(capsys, headers, trusted_proxies="192.0.2.0/24")
    assert (line["client"], line["scheme"]) == (PROXY, "http")
    assert "client" not in line_for(capsys, headers)
    for proxies in ("", "192.0.2.0/24"):
        with gateway(trusted_proxies=proxies) as tfgate:
            assert tfgate.client.get("/nothing", headers=headers).json()["instance"] == "/nothing"


TRUSTED = f"{PROXY}, 10.0.0.0/8, 2001:db8::/32"


@pytest.mark.parametrize(
    ("headers", "client", "scheme"),
    [
        ({"X-Forwarded-For": CLIENT}, CLIENT, "http"),
        ({"X-Forwarded-For": f"{CLIENT}:4711", "X-Forwarded-Proto": "HTTPS"}, CLIENT, "https"),
        ({"X-Forwarded-For": f"6.6.6.6, {CLIENT}, 10.1.2.3"}, CLIENT, "http"),
        ({"X-Forwarded-For": "10.1.2.3, 10.4.5.6"}, "10.1.2.3", "http"),
        ({"X-Forwarded-For": "2003:de::1"}, "2003:de::1", "http"),
        ({"X-Forwarded-For": "[2003:de::1]:443, [2001:db8::5]"}, "2003:de::1", "http"),
        ({"X-Forwarded-For": f"::ffff:{CLIENT}, ::ffff:10.0.0.1"}, CLIENT, "http"),
        ({"X-Forwarded-For": f"6.6.6.6, {CLIENT}", "X-Forwarded-Proto": "https"}, CLIENT, "https"),
        (
            {"X-Forwarded-For": f"{CLIENT}, 10.1.2.3", "X-Forwarded-Proto": "https, http"},
            *(CLIENT, "https"),
        ),
        ({"X-Forwarded-Proto": "https"}, PROXY, "https"),
        ({"X-Forwarded-Proto": "gopher", "X-Forwarded-For": CLIENT}, CLIENT, "http"),
        ({"Forwarded": f"for={CLIENT};proto=https;by=10.0.0.1"}, CLIENT, "https"),
        ({"Forwarded": 'For="[2003:de::1]:4711", for=10.0.0.1'}, "2003:de::1", "http"),
        ({"Forwarded": f"for=6.6.6.6, for={CLIENT}"}, CLIENT, "http"),
        ({"Forwarded": "for=6.6.6.6", "X-Forwarded-For": CLIENT}, CLIENT, "http"),
        # What cannot be read hides whatever stands before it.
        ({"X-Forwarded-For": f"{CLIENT}, unknown, 10.1.2.3"}, "10.1.2.3", "http"),
        ({"X-Forwarded-For": "1.2.3.400"}, PROXY, "http"),
        ({"X-Forwarded-For": "x" * 9_000}, PROXY, "http"),
        ({"X-Forwarded-For": ",,,"}, PROXY, "http"),
        ({"Forwarded": f"for={CLIENT}, for=_hidden"}, PROXY, "http"),
        ({"Forwarded": f"for={CLIENT}, proto=https"}, PROXY, "http"),
        ({"Forwarded": '=;=,"'}, PROXY, "http"),
    ],
)
def test_the_client_is_the_last_address_that_no_proxy_has(
    headers: dict[str, str], client: str, scheme: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = line_for(capsys, headers, trusted_proxies=TRUSTED)

    assert (line["client"], line["scheme"]) == (client, scheme)


def test_a_proxy_may_write_several_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [("X-Forwarded-For", f"6.6.6.6, {CLIENT}"), ("X-Forwarded-For", "10.0.0.9")]

    assert line_for(capsys, lines, trusted_proxies=TRUSTED)["client"] == CLIENT


def test_the_document_is_as_before_without_a_prefix(tfgate: Gateway) -> None:
    assert "servers" not in tfgate.client.get("/openapi.json").json()
    assert "<base" not in tfgate.client.get("/").text
