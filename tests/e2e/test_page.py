"""The page: what a real browser shows of it, and what browsers are told of every page."""

import subprocess
from pathlib import Path

import httpx
import pytest

from serving.models import MODELS
from tests import stack
from tests.programs import needs
from tfgate.keys import create

needs_chromium = needs("chromium", package="chromium")
ORIGIN = "https://shop.example"


def shown(url: str, profile: Path) -> str:
    """Return what a page has become once its scripts have run."""
    command = [
        *("chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"),
        *("--virtual-time-budget=10000", "--dump-dom", url),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return finished.stdout


@needs_chromium
def test_a_browser_shows_a_form_for_every_model(gateway: str, tmp_path: Path) -> None:
    page = shown(gateway, tmp_path)

    first = next(iter(MODELS))
    for name in MODELS:
        selected = "true" if name == first else "false"
        assert f'role="tab" aria-selected="{selected}">{name}<' in page
    for field in MODELS[first].request.model_fields:
        assert f'name="{field}"' in page
    assert 'hidden=""' in page, "nobody needs a key"


@needs_chromium
def test_a_browser_asks_for_a_key_where_one_is_needed(model_server: str, tmp_path: Path) -> None:
    create(tmp_path / "keys", "shop")
    with stack.gateway(model_server, keys_file=str(tmp_path / "keys")) as url:
        page = shown(url, tmp_path)

    assert 'hidden=""' not in page
    assert "the request has no API key" in page


@needs_chromium
def test_a_browser_shows_the_documentation(gateway: str, tmp_path: Path) -> None:
    page = shown(f"{gateway}/docs", tmp_path)

    for name in MODELS:
        assert f"One prediction by {name}" in page


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_browsers_may_not_frame_a_page_or_load_anything_else(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers

    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_runs_no_script_but_its_own(http: httpx.Client) -> None:
    assert "unsafe" not in http.get("/").headers["Content-Security-Policy"]


def test_other_origins_are_kept_out(http: httpx.Client) -> None:
    answer = http.get("/models", headers={"Origin": ORIGIN})

    assert "access-control-allow-origin" not in answer.headers


def test_origins_that_are_named_may_ask_and_read_every_answer(model_server: str) -> None:
    origins = f"https://other.example, {ORIGIN}"
    with (
        stack.gateway(model_server, cors_origins=origins) as url,
        httpx.Client(base_url=url, headers={"Origin": ORIGIN}) as client,
    ):
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, x-api-key, traceparent",
        }
        assert client.options("/predict/housing", headers=asked).status_code == 200
        answer = client.post("/predict/housing", json={})
        stranger = client.get("/models", headers={"Origin": "https://stranger.example"})

    assert answer.status_code == 422
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in stranger.headers
